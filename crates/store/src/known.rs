//! Which files were there when they were listed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use object_store::ObjectMeta;
use object_store::path::Path;

/// So many files are known; of those listed later, nothing is.
const FILES_MAX: usize = 1 << 16;

/// Files by the tags they had: of inode, time of the last write, and size.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<Path, String>>);

impl Known {
    /// The file is now this one.
    pub(crate) fn add(&self, meta: &ObjectMeta) {
        let Some(tag) = &meta.e_tag else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = known.get_mut(&meta.location) {
            old.clone_from(tag);
        } else if known.len() < FILES_MAX {
            known.insert(meta.location.clone(), tag.clone());
        }
    }

    /// What it was when it was listed.
    pub(crate) fn tag(&self, location: &Path) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(location).cloned()
    }
}
