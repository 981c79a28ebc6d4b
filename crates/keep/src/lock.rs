//! A lock that keeps a second owner out.

use std::fs::File;
use std::io;
use std::ops::Deref;

use cutwater_sys::lock::{Outcome, try_lock, unlock};
use cutwater_sys::origin::Origin;

/// A file with a byte that this process has locked, or tried to.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    at: u64,
    held: bool,
    opened_in: Origin,
}

impl Lock {
    /// Tries to lock the byte at `at`, without waiting.
    pub(crate) fn try_on(file: File, at: u64) -> io::Result<(Self, Outcome)> {
        let outcome = try_lock(&file, at)?;
        let held = outcome == Outcome::Locked;
        Ok((Self { file, at, held, opened_in: Origin::here() }, outcome))
    }

    /// Whether this process opened it, and not the one that it was forked from.
    pub(crate) fn is_ours(&self) -> bool {
        self.opened_in.is_here()
    }

    /// The state in a child made by `fork(2)`.
    #[cfg(test)]
    pub(crate) fn inherit(&mut self) {
        self.opened_in = Origin::elsewhere();
    }
}

impl Deref for Lock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked and that has not yet
        // called exec holds the same lock. In such a child it is the parent's.
        if self.held && self.is_ours() {
            let _ = unlock(&self.file, self.at);
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
        let (parents, outcome) = Lock::try_on(parents, 0).unwrap();
        assert_eq!(outcome, Outcome::Locked);
        let (mut childs, _) = Lock::try_on(childs, 0).unwrap();
        childs.inherit();
        drop(childs);
        assert_eq!(Lock::try_on(open(), 0).unwrap().1, Outcome::HeldByWriter, "it was unlocked");
        drop(parents);
        assert_eq!(Lock::try_on(open(), 0).unwrap().1, Outcome::Locked);
    }
}
