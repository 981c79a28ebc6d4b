//! A directory for the files that a command makes.
//!
//! It is removed at the end. If a command could not do so (it was killed, the machine lost its
//! power), the next one of its kind removes it: a directory whose lock nobody holds belongs to
//! nobody.

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

/// The file in each directory that its owner has locked.
const LOCK: &str = "lock";
/// Its name before it is locked.
const UNLOCKED: &str = "lock.new";

/// The most leftovers that one command removes.
const REMOVED_MAX: usize = 64;

/// A directory of this process.
#[derive(Debug)]
pub struct Workdir {
    directory: TempDir,
    /// The kernel releases the lock when this process ends, however it ends.
    _lock: File,
}

impl Workdir {
    /// Makes one in `parent` whose name begins with `prefix`, which no other command uses. Removes
    /// what earlier commands of that prefix left there.
    ///
    /// # Errors
    /// When it cannot be made or locked.
    pub fn new(parent: &Path, prefix: &str) -> io::Result<Self> {
        remove_leftovers(parent, prefix);
        let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        let unlocked = directory.path().join(UNLOCKED);
        let lock = File::create_new(&unlocked)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        // Under its final name it is never seen unlocked: another command would remove it then.
        fs::rename(unlocked, directory.path().join(LOCK))?;
        Ok(Self { directory, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes it. Dropping does the same, but cannot report a failure.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn close(self) -> io::Result<()> {
        self.directory.close()
    }
}

/// Removes the directories in `parent` whose names begin with `prefix` and that belong to nobody,
/// except those of other users. What cannot be removed stays.
pub fn remove_leftovers(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let me = rustix::process::geteuid().as_raw();
    let ours = entries.flatten().filter(|entry| {
        let named = entry.file_name().to_string_lossy().starts_with(prefix);
        // The metadata of an entry is that of a link itself, not of what it points to.
        named && entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == me)
    });
    for entry in ours.take(REMOVED_MAX) {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Where temporary files go if nobody says where: `$TMPDIR` or `/tmp`, the directory for files that
/// outlast a boot (`file-hierarchy(7)`), and the user's cache (the XDG base directories).
#[must_use]
pub fn usual_places() -> Vec<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")));
    [env::temp_dir(), "/var/tmp".into()].into_iter().chain(cache).collect()
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
    fn directories_made_at_the_same_time_leave_each_other_alone() {
        let parent = tempfile::tempdir().unwrap();
        let make = || {
            for _ in 0..200 {
                let made = Workdir::new(parent.path(), PREFIX).unwrap();
                assert!(made.path().join(LOCK).exists());
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(make))));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
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
