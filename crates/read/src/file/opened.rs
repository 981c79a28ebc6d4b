//! The open files, for the sampler; none is remembered unless sampling is on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::core::Core;

/// Files remembered; those opened beyond are not sampled.
const FILES_MAX: usize = 1024;

/// Whether files are remembered when they are opened.
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Files that were opened since then; some may be closed by now.
static FILES: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Starts or stops remembering the files that are opened.
pub(crate) fn watch(on: bool) {
    WATCHING.store(on, Ordering::Relaxed);
    if !on {
        FILES.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Remembers a file that was opened.
pub(super) fn remember(core: &Arc<Core>) {
    if !WATCHING.load(Ordering::Relaxed) {
        return;
    }
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if files.len() == FILES_MAX {
        files.retain(|f| f.strong_count() > 0);
    }
    if files.len() < FILES_MAX {
        files.push(Arc::downgrade(core));
    }
}

/// The files that are still open; forgets the others.
pub(crate) fn live() -> Vec<Arc<Core>> {
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let live: Vec<_> = files.iter().filter_map(Weak::upgrade).collect();
    files.retain(|f| f.strong_count() > 0);
    live
}
