//! The files that a path led to between two looks at it: rotations in quick succession.
//!
//! A look at the path shows only the last file. The kernel queues the renames in its directory
//! (inotify(7)), and they show where the earlier files are now. Where inotify is refused, those are
//! missed.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::place::{FileId, id_of};

/// The most files that are remembered between two looks; more are missed.
const FILES_MAX: usize = 64;

const WATCHED: WatchFlags = WatchFlags::MOVED_FROM
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);

/// The renames of files that a path led to.
#[derive(Debug, Default)]
pub(super) struct History {
    inotify: Option<OwnedFd>,
    directory: PathBuf,
    directory_id: Option<FileId>,
    /// The path's name in the directory.
    name: OsString,
    left: Left,
}

/// The files that have left the path, the oldest first.
#[derive(Debug, Default)]
struct Left {
    /// Their names now; `None` for a file that was deleted or moved elsewhere.
    names: Vec<Option<OsString>>,
    /// Renames with only one half seen: the kernel's number for each, and its index in `names`.
    half: Vec<(u32, usize)>,
}

impl History {
    /// Remembers renames from now on.
    pub(super) fn of(path: &Path) -> Self {
        let real = path.canonicalize().unwrap_or_else(|_| path.into());
        let directory = match real.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let watch = || {
            let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            inotify::add_watch(&inotify, &directory, WATCHED)?;
            rustix::io::Result::Ok(inotify)
        };
        let inotify = watch().ok();
        let directory_id = directory.metadata().ok().map(|meta| id_of(&meta));
        let name = real.file_name().unwrap_or_default().to_os_string();
        Self { inotify, directory, directory_id, name, left: Left::default() }
    }

    /// The paths of the files that have left the path since the last call, the oldest first.
    pub(super) fn take(&mut self, path: &Path) -> Vec<PathBuf> {
        self.read_events();
        let names = std::mem::take(&mut self.left).names;
        let paths = names.into_iter().flatten().map(|name| self.directory.join(name)).collect();
        // The directory itself may have been replaced.
        if self.directory.metadata().ok().map(|meta| id_of(&meta)) != self.directory_id {
            *self = Self::of(path);
        }
        paths
    }

    /// Reads the events so far, so that the kernel's queue does not overflow.
    pub(super) fn read_events(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        let mut buf = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(inotify, &mut buf);
        while let Ok(event) = events.next() {
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            self.left.see(&self.name, event.events(), event.cookie(), name.unwrap_or_default());
        }
    }
}

impl Left {
    /// Takes in one event about `name`; `path_name` is the name of the path.
    fn see(&mut self, path_name: &OsStr, what: ReadFlags, cookie: u32, name: &OsStr) {
        let known = self.names.iter().position(|n| n.as_deref() == Some(name));
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            *self = Self::default();
        } else if what.contains(ReadFlags::MOVED_FROM) {
            let index = match known {
                Some(index) => index,
                None if name == path_name && self.names.len() < FILES_MAX => {
                    self.names.push(None);
                    self.names.len() - 1
                }
                None => return,
            };
            self.names[index] = None;
            self.half.push((cookie, index));
        } else if what.contains(ReadFlags::MOVED_TO) {
            if let Some(overwritten) = known {
                self.names[overwritten] = None;
            }
            let half = self.half.iter().position(|(number, _)| *number == cookie);
            let index = half.map(|half| self.half.swap_remove(half).1);
            if let Some(index) = index.filter(|_| name != path_name) {
                self.names[index] = Some(name.to_os_string());
            }
        } else if let Some(deleted) = known.filter(|_| what.contains(ReadFlags::DELETE)) {
            self.names[deleted] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_last_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let path = at("log");
        let mut history = History::of(&path);
        for round in 0..4 {
            std::fs::write(&path, format!("{round}")).expect("writes");
            let _ = std::fs::rename(at("log.1"), at("log.2"));
            std::fs::rename(&path, at("log.1")).expect("renames");
        }
        // Each was overwritten by the next but the last two.
        let read = |paths: Vec<PathBuf>| {
            paths.iter().map(|p| std::fs::read_to_string(p).expect("is there")).collect::<String>()
        };
        assert_eq!(read(history.take(&path)), "23");
        assert!(history.take(&path).is_empty());
        std::fs::write(at("other"), "").expect("writes");
        std::fs::rename(at("other"), at("another")).expect("renames");
        std::fs::copy(at("log.1"), at("copy")).expect("copies");
        assert!(history.take(&path).is_empty(), "they never were at the path");
    }

    #[test]
    fn a_directory_that_was_replaced_is_watched_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let (logs, old) = (dir.path().join("logs"), dir.path().join("old"));
        let path = logs.join("log");
        std::fs::create_dir(&logs).expect("makes");
        let mut history = History::of(&path);
        std::fs::rename(&logs, &old).expect("renames");
        std::fs::create_dir(&logs).expect("makes");
        assert!(history.take(&path).is_empty());
        std::fs::write(&path, "").expect("writes");
        std::fs::rename(&path, logs.join("log.1")).expect("renames");
        assert_eq!(history.take(&path), [logs.join("log.1")]);
    }
}
