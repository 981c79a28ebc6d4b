//! The watches of an entry, given up when the entry is dropped.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Watches of entries that were dropped.
pub(super) type Released = Mutex<Vec<Box<[i32]>>>;

/// The watches one entry needs; given up when it is dropped.
pub(super) struct Watches {
    descriptors: Box<[i32]>,
    released: Weak<Released>,
}

impl Watches {
    pub(super) fn new(descriptors: Box<[i32]>, released: &Arc<Released>) -> Self {
        Self { descriptors, released: Arc::downgrade(released) }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        if let Some(released) = self.released.upgrade() {
            let mut released = released.lock().unwrap_or_else(PoisonError::into_inner);
            released.push(std::mem::take(&mut self.descriptors));
        }
    }
}
