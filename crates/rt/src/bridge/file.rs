//! A file whose operations go through a bridge.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use cutwater_sys::ring::Op;

use super::pending::Pending;
use super::thread::Bridge;
use crate::fs::OpenOptions;
use crate::fs::submit::{Belief, Submit, sealed::Sealed};

/// A file for any executor. Cheap to clone; clones share what they know of the page cache.
pub type File = crate::fs::File<OnBridge>;

/// Submits through a [`Bridge`], from any thread.
#[derive(Debug, Clone)]
pub struct OnBridge {
    bridge: Bridge,
    belief: Arc<Belief>,
}

impl Submit for OnBridge {}

impl Sealed for OnBridge {
    type Pending = Pending;

    fn submit(&self, op: Op) -> Pending {
        self.bridge.submit(op)
    }

    fn belief(&self) -> &Belief {
        &self.belief
    }

    fn inline(&self, read: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if self.bridge.reads_inline() { read() } else { None }
    }
}

impl Bridge {
    fn for_file(&self) -> OnBridge {
        OnBridge { bridge: self.clone(), belief: Arc::default() }
    }

    /// Opens `path` for reading.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::default().open_below(self.for_file(), None, path.as_ref()).await
    }

    /// Opens `path` for reading and writing; creates it where it does not exist, and empties it.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::for_create().open_below(self.for_file(), None, path.as_ref()).await
    }

    /// A file that is open already.
    #[must_use]
    pub fn file(&self, fd: OwnedFd) -> File {
        File::with_fd(self.for_file(), fd)
    }
}
