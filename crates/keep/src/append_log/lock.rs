//! The writer's lock.

use std::fs::File;
use std::io;
use std::ops::Deref;

use cutwater_sys::Errno;
use cutwater_sys::origin::Origin;
use rustix::fs::{FlockOperation, flock};

/// A file that this process has locked.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    locked_in: Origin,
}

impl Locked {
    /// Locks a file; none where another process has locked it. See `flock(2)`.
    pub(super) fn new(file: File) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file, locked_in: Origin::here() })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Locked {
    /// Whether this process locked it, and not the one that it was forked from.
    pub(super) fn is_ours(&self) -> bool {
        self.locked_in.is_here()
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
    fn a_forked_child_appends_and_publishes_nothing() {
        use crate::append_log::{AppendLog, LogReader};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = AppendLog::open(&path).unwrap();
        log.append(b"of the parent").unwrap();
        log.locked().locked_in = Origin::elsewhere();
        let published = log.published();
        assert_eq!(log.publish(), published);
        let error = log.append(b"of the child").unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
        assert!(log.close().is_err());
        assert_eq!(LogReader::open(&path).unwrap().read_next().unwrap(), None);
    }

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
