//! The directory for what does not fit in memory.
//!
//! It is removed at the end. Where a command ended without (it was killed, the machine lost its
//! power), the next one removes it: a directory whose lock nobody holds belongs to nobody.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use cutwater_query::Failure;
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

/// How the directories are called.
const PREFIX: &str = "cutwater-query-";

/// The file in each that its owner has locked.
const LOCK: &str = "lock";

/// The most leftovers that one command removes.
const REMOVED_MAX: usize = 64;

/// A directory of our own.
#[derive(Debug)]
pub(super) struct Spill {
    directory: TempDir,
    /// Its lock goes when this process goes, however it does.
    _lock: File,
}

impl Spill {
    /// Makes one in `parent`, or where temporary files go; removes what others left there.
    pub(super) fn new(parent: Option<&Path>) -> Result<Self, Failure> {
        let parent = parent.map_or_else(env::temp_dir, PathBuf::from);
        remove_leftovers(&parent);
        let failed = |e: std::io::Error| {
            Failure::new(format!(
                "cannot make a directory for temporary files in {}: {e}; --temp DIR names another",
                parent.display()
            ))
        };
        let directory =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent).map_err(failed)?;
        let lock = File::create(directory.path().join(LOCK)).map_err(failed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|e| failed(e.into()))?;
        Ok(Self { directory, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes directories that belong to nobody. What cannot be removed stays: it may be another
/// user's.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours.take(REMOVED_MAX) {
        // One without a lock may be about to get it.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_removed_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let used = Spill::new(Some(parent.path())).unwrap();
        let left = parent.path().join("cutwater-query-left");
        let (strange, unlocked) =
            (parent.path().join("other"), parent.path().join("cutwater-query-new"));
        for directory in [&left, &strange, &unlocked] {
            fs::create_dir(directory).unwrap();
        }
        File::create(left.join(LOCK)).unwrap();
        File::create(left.join("rows")).unwrap();
        let next = Spill::new(Some(parent.path())).unwrap();
        assert!(!left.exists());
        assert!(strange.exists() && unlocked.exists() && used.path().exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
