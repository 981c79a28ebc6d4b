//! The directory for files that a command makes.
//!
//! It is removed at the end. Where a command ended without (it was killed, the machine lost its
//! power), the next one of its kind removes it: a directory whose lock nobody holds belongs to
//! nobody.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

/// The file in each that its owner has locked,
const LOCK: &str = "lock";
/// and how it is called before it is locked.
const UNLOCKED: &str = "lock.new";

/// The most leftovers that one command removes.
const REMOVED_MAX: usize = 64;

/// A directory of our own.
#[derive(Debug)]
pub(crate) struct Workdir {
    directory: TempDir,
    /// Its lock goes when this process goes, however it does.
    _lock: File,
}

impl Workdir {
    /// Makes one in `parent` whose name begins with `prefix`, which is the command's own; removes
    /// what commands of that prefix left there.
    ///
    /// # Errors
    /// When it cannot be made or locked.
    pub(crate) fn new(parent: &Path, prefix: &str) -> io::Result<Self> {
        remove_leftovers(parent, prefix);
        let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        let unlocked = directory.path().join(UNLOCKED);
        let lock = File::create_new(&unlocked)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        // Nobody finds it before it is locked.
        fs::rename(unlocked, directory.path().join(LOCK))?;
        Ok(Self { directory, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes it; dropping does the same and cannot tell of a failure.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub(crate) fn close(self) -> io::Result<()> {
        self.directory.close()
    }
}

/// Removes directories that belong to nobody. Those of other users are left alone, and what cannot
/// be removed stays.
fn remove_leftovers(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let me = rustix::process::geteuid().as_raw();
    let ours = entries.flatten().filter(|entry| {
        let named = entry.file_name().to_string_lossy().starts_with(prefix);
        // Of a link, what is told is of the link itself.
        named && entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == me)
    });
    for entry in ours.take(REMOVED_MAX) {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "cutwater-test-";

    #[test]
    fn leftovers_are_removed_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let used = Workdir::new(parent.path(), PREFIX).unwrap();
        let places = ["cutwater-test-left", "cutwater-test-new", "cutwater-other-left", "other"];
        let [left, new, others, strange] = places.map(|name| parent.path().join(name));
        for directory in [&left, &new, &others, &strange] {
            fs::create_dir(directory).unwrap();
        }
        for directory in [&left, &others, &strange] {
            File::create(directory.join(LOCK)).unwrap();
            fs::create_dir(directory.join("files")).unwrap();
            File::create(directory.join("files/data")).unwrap();
        }
        File::create(new.join(UNLOCKED)).unwrap();
        let next = Workdir::new(parent.path(), PREFIX).unwrap();
        assert!(!left.exists());
        assert!(new.exists() && others.exists() && strange.exists() && used.path().exists());
        let path = next.path().to_owned();
        next.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_link_is_not_followed_to_what_it_names() {
        let (parent, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        File::create(other.path().join(LOCK)).unwrap();
        std::os::unix::fs::symlink(other.path(), parent.path().join("cutwater-test-link")).unwrap();
        drop(Workdir::new(parent.path(), PREFIX).unwrap());
        assert!(other.path().join(LOCK).exists());
    }
}
