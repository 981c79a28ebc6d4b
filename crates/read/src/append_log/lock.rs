//! The writer's lock.

use std::fs::File;
use std::io;
use std::ops::Deref;

use cutwater_sys::Errno;
use cutwater_sys::origin::Origin;
use rustix::fs::{FlockOperation, flock};

/// A file that nobody else has locked.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    locked_in: Origin,
}

impl Locked {
    /// Locks a file, or says that somebody else has. See `flock(2)`.
    pub(super) fn new(file: File) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file, locked_in: Origin::here() })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked and that has not yet
        // called exec holds the same lock. In such a child it is the parent's.
        if self.locked_in.is_here() {
            let _ = flock(&self.file, FlockOperation::Unlock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_that_drops_the_lock_leaves_it_to_its_parent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let parents = open();
        // The same open file, as a child has it.
        let childs = parents.try_clone().unwrap();
        let parents = Locked::new(parents).unwrap().unwrap();
        drop(Locked { file: childs, locked_in: Origin::elsewhere() });
        assert!(Locked::new(open()).unwrap().is_none(), "it was unlocked");
        drop(parents);
        assert!(Locked::new(open()).unwrap().is_some());
    }
}
