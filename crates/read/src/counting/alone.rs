//! Counts reads that need no engine, so that a thread that makes no other reads has no buffers and
//! rings.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use cutwater_maps::Observer;

use super::threads::ThreadCounters;
use super::timing::{Timed, Timing};
use crate::{FileClass, ReadPath};

/// What a thread has for reads without an engine: counters of their own, because a pass takes what
/// was added to its engine's counters meanwhile for its own; and the count down to the next read
/// that is timed.
struct Local {
    counters: OnceCell<Arc<ThreadCounters>>,
    timing: Cell<Timing>,
}

thread_local! {
    static LOCAL: Local = const { Local { counters: OnceCell::new(), timing: Cell::new(Timing::NEW) } };
}

/// The class of a file and the path of a read: what is counted together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series(pub(crate) FileClass, pub(crate) ReadPath);

impl Series {
    /// Begins a read, one in 509 timed.
    pub(crate) fn start(self) -> Option<Timed> {
        let timed = LOCAL.try_with(|local| {
            let mut timing = local.timing.get();
            let timed = timing.start(self.1 == ReadPath::Mmap);
            local.timing.set(timing);
            timed
        });
        timed.ok().flatten()
    }

    /// Counts a read of `bytes` that was made.
    pub(crate) fn done(self, timed: Option<Timed>, bytes: usize) {
        with(|counters| counters.note_done(self.0, self.1, bytes));
        if let Some(timed) = timed {
            self.note(timed, bytes);
        }
    }

    #[cold]
    fn note(self, timed: Timed, bytes: usize) {
        let mut ns = 0;
        with(|counters| ns = timed.note_read(counters, self.0, self.1));
        let _ = LOCAL.try_with(|local| {
            let mut timing = local.timing.get();
            timing.learn(ns, bytes);
            local.timing.set(timing);
        });
    }

    /// Counts a system call.
    pub(crate) fn called(self) {
        with(|counters| counters.reads_of(self.0, self.1).syscalls.add(1));
    }

    /// Counts a call that came back short and is continued.
    pub(crate) fn continued(self) {
        with(|counters| counters.reads_of(self.0, self.1).continued.add(1));
    }

    /// Counts a call that is made again.
    pub(crate) fn retried(self) {
        with(|counters| counters.reads_of(self.0, self.1).retried.add(1));
    }

    /// Counts a read that this path refused and another makes.
    pub(crate) fn fell_back(self) {
        with(|counters| counters.reads_of(self.0, self.1).fallbacks.add(1));
    }
}

/// Counts a window that was mapped.
fn window() {
    with(ThreadCounters::note_window);
}

fn with(count: impl FnOnce(&ThreadCounters)) {
    let mut count = Some(count);
    let mut counting = |counters: &ThreadCounters| {
        if let Some(count) = count.take() {
            count(counters);
        }
    };
    let counted =
        LOCAL.try_with(|local| counting(local.counters.get_or_init(ThreadCounters::registered)));
    // While the thread ends its locals may be gone.
    if counted.is_err() {
        counting(&ThreadCounters::registered());
    }
}

/// Reads of maps are counted under the class that the map was opened with.
impl Observer for FileClass {
    type Started = Option<Timed>;

    fn start(self) -> Option<Timed> {
        Series(self, ReadPath::Mmap).start()
    }

    fn done(self, started: Option<Timed>, bytes: usize) {
        Series(self, ReadPath::Mmap).done(started, bytes);
    }

    fn called(self) {
        Series(self, ReadPath::Mmap).called();
    }

    fn fell_back(self) {
        Series(self, ReadPath::Mmap).fell_back();
    }

    fn window_mapped(self) {
        window();
    }
}
