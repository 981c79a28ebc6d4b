//! What keeps a second writer out of a log, and nobody else.
//!
//! A user who may read a file may also lock it: `flock(2)` needs no permission, and a read lock
//! (`fcntl(2)`) keeps out a write lock. So the writer locks a file of its own, `PATH.lock`, which
//! only the log's writers can open. It locks the byte at the log's inode number, so a renamed log
//! does not block a new one at its old path.
//!
//! A write lock on the log itself comes second. It finds a writer that opened the log by another
//! name. If only a read lock is in its way, the writer does without it.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use cutwater_sys::lock::Outcome;
use rustix::fs::OFlags;
use rustix::process::geteuid;

use crate::append_log::failure::os;
use crate::error::{Action, Cause, Error, Result};
use crate::lock::Lock;

/// A log whose one writer is this process.
#[derive(Debug)]
pub(super) struct Locked {
    log: Lock,
    /// `PATH.lock`; `None` if it cannot be used.
    _beside: Option<Lock>,
}

impl Locked {
    /// Locks the log `file`, which was opened at `path` for writing.
    pub(super) fn new(file: File, path: &Path) -> Result<Self> {
        let fail = |error: io::Error| os(Action::Store("lock"), path, &error);
        let taken = || Error::new(Action::Store("write"), Some(path), Cause::Locked);
        let beside = match lock_beside(&file, path) {
            Some((_, Outcome::HeldByWriter | Outcome::HeldByReader)) => return Err(taken()),
            Some((lock, Outcome::Locked)) => Some(lock),
            None => None,
        };
        match Lock::try_on(file, 0).map_err(fail)? {
            (_, Outcome::HeldByWriter) => Err(taken()),
            (_, Outcome::HeldByReader) if beside.is_none() => Err(Error::new(
                Action::Store("write"),
                Some(path),
                Cause::Refused(
                    "a process that may only read it has locked it, and its .lock file cannot be used; \
                     see: lslocks; let this user create PATH.lock",
                ),
            )),
            (log, _) => Ok(Self { log, _beside: beside }),
        }
    }

    /// Whether this process locked it, and not the one that it was forked from.
    pub(super) fn is_ours(&self) -> bool {
        self.log.is_ours()
    }

    #[cfg(test)]
    pub(super) fn inherit(&mut self) {
        self.log.inherit();
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.log
    }
}

/// Tries to lock `PATH.lock`. `None` if it cannot be made, or its owner may not write the log.
fn lock_beside(log: &File, path: &Path) -> Option<(Lock, Outcome)> {
    let mut name = path.as_os_str().to_os_string();
    name.push(".lock");
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(flags.bits().cast_signed()).open(name).ok()?;
    let log = log.metadata().ok()?;
    let found = file.metadata().ok()?;
    let owners = [log.uid(), geteuid().as_raw(), 0];
    if !found.is_file() || !owners.contains(&found.uid()) {
        return None;
    }
    admit_writers(&file, &found, &log);
    // The greatest offset that fits is one less than the greatest length.
    let byte = log.ino() & (i64::MAX as u64 - 1);
    Lock::try_on(file, byte).ok()
}

/// Gives the file to the log's owner and opens it to the log's writers alone. For a log of another
/// user only root can do that; otherwise the file stays as it is.
fn admit_writers(file: &File, found: &Metadata, log: &Metadata) {
    if (found.uid(), found.gid()) != (log.uid(), log.gid()) {
        let _ = std::os::unix::fs::fchown(file, Some(log.uid()), Some(log.gid()));
    }
    let same_group = file.metadata().is_ok_and(|now| now.gid() == log.gid());
    let writers = log.mode() & if same_group { 0o222 } else { 0o202 };
    let wanted = writers | writers << 1 | 0o600;
    if found.mode() & 0o777 != wanted {
        let _ = file.set_permissions(Permissions::from_mode(wanted));
    }
}

#[cfg(test)]
mod tests {
    use crate::append_log::{AppendLog, LogReader};

    #[test]
    fn a_forked_child_appends_and_publishes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = AppendLog::open(&path).unwrap();
        log.append(b"of the parent").unwrap();
        log.locked().inherit();
        let published = log.published();
        assert_eq!(log.publish(), published);
        let error = log.append(b"of the child").unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
        assert!(log.close().is_err());
        assert_eq!(LogReader::open(&path).unwrap().read_next().unwrap(), None);
    }
}
