//! Remembers the files that were listed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use object_store::ObjectMeta;
use object_store::path::Path;

/// The most files that are remembered; files listed later are not.
const FILES_MAX: usize = 1 << 16;

/// Files with the tags they had, which are made of inode, time of the last write, and size.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<Path, String>>);

impl Known {
    /// Remembers a file as it is now.
    pub(crate) fn add(&self, meta: &ObjectMeta) {
        let Some(tag) = &meta.e_tag else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = known.get_mut(&meta.location) {
            old.clone_from(tag);
        } else if known.len() < FILES_MAX {
            known.insert(meta.location.clone(), tag.clone());
        }
    }

    /// The tag that a file had when it was listed.
    pub(crate) fn tag(&self, location: &Path) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(location).cloned()
    }
}
