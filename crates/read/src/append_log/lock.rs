//! The writer's lock.

use std::fs::File;
use std::io;
use std::ops::Deref;

use cutwater_sys::Errno;
use rustix::fs::{FlockOperation, flock};

/// A file that nobody else has locked.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    /// Locks a file, or says that somebody else has. See `flock(2)`.
    pub(super) fn new(file: File) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked and that has not yet
        // called exec holds the same lock.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
