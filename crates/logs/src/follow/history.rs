//! The files that a path led to between two looks at it: rotations in quick succession.
//!
//! A look at the path shows only the last file. The kernel queues the renames in its directory
//! (inotify(7)), and they show where the earlier files are now, or that they are gone. Where inotify is
//! refused, the numbers that rotation gives show the earlier files: when the file that was followed is now `log.3`,
//! then `log.2` and `log.1` were at the path after it.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::place::{FileId, id_of};

/// The most files that are remembered between two looks; more are missed.
const FILES_MAX: usize = 64;

const WATCHED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_FROM)
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

/// What was at the path since the last look, the oldest first.
#[derive(Debug, Default)]
struct Left {
    files: Vec<Fate>,
    /// Whether the first of them was there at the last look.
    first_is_known: bool,
    /// Renames with only one half seen: the kernel's number for each, and its index in `files`.
    half: Vec<(u32, usize)>,
    /// Files that were not kept, as there were too many.
    uncounted: usize,
    /// The kernel's queue was too short: what happened is not known.
    overflowed: bool,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is at the path.
    Here,
    /// It has this name in the directory.
    Named(OsString),
    /// It was deleted, overwritten or moved elsewhere.
    Gone,
}

/// What was at the path between two looks.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// Where the files are that have left the path, the oldest first.
    pub(super) paths: Vec<PathBuf>,
    /// What is known to be missing, for people.
    pub(super) lost: Option<String>,
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
        let left = Left { files: vec![Fate::Here], first_is_known: true, ..Left::default() };
        Self { inotify, directory, directory_id, name, left }
    }

    /// What was at the path since the last call, where the file `followed` was.
    pub(super) fn take(&mut self, path: &Path, followed: FileId) -> Between {
        self.read_events();
        let is_here = self.left.files.contains(&Fate::Here);
        let files = if is_here { vec![Fate::Here] } else { Vec::new() };
        let next = Left { files, first_is_known: is_here, ..Left::default() };
        let left = std::mem::replace(&mut self.left, next);
        let lost = left.lost();
        let names = match self.inotify {
            Some(_) => left.names(),
            None => self.numbered_after(followed),
        };
        let paths = names.into_iter().map(|name| self.directory.join(name)).collect();
        // The directory itself may have been replaced.
        if self.directory.metadata().ok().map(|meta| id_of(&meta)) != self.directory_id {
            *self = Self::of(path);
        }
        Between { paths, lost }
    }

    /// The path in the directory of the file with this id.
    pub(super) fn find(&self, id: FileId) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.directory).ok()?.flatten();
        let mut same = entries.filter(|entry| entry.ino() == id.1).map(|entry| entry.path());
        same.find(|path| path.metadata().is_ok_and(|meta| id_of(&meta) == id))
    }

    /// The names that rotation gave to files after the one that was `followed`, the oldest first.
    fn numbered_after(&self, followed: FileId) -> Vec<OsString> {
        let number = || {
            let found = self.find(followed)?;
            let number = found.file_name()?.as_bytes().strip_prefix(self.name.as_bytes())?;
            std::str::from_utf8(number.strip_prefix(b".")?).ok()?.parse::<usize>().ok()
        };
        let before = number().filter(|number| *number <= FILES_MAX).unwrap_or(1);
        let name = |number| {
            let mut name = self.name.clone();
            name.push(format!(".{number}"));
            name
        };
        (1..before).rev().map(name).collect()
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
        let is_path = name == path_name;
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            *self = Self { overflowed: true, ..Self::default() };
        } else if what.contains(ReadFlags::ISDIR) {
            // No file.
        } else if what.contains(ReadFlags::CREATE) && is_path {
            self.arrives(None);
        } else if what.contains(ReadFlags::MOVED_FROM) {
            if let Some(index) = self.known(is_path, name) {
                self.files[index] = Fate::Gone;
                self.half.push((cookie, index));
            }
        } else if what.contains(ReadFlags::MOVED_TO) {
            let half = self.half.iter().position(|(number, _)| *number == cookie);
            let index = half.map(|half| self.half.swap_remove(half).1);
            if is_path {
                self.arrives(index);
                return;
            }
            if let Some(overwritten) = self.known(false, name) {
                self.files[overwritten] = Fate::Gone;
            }
            if let Some(index) = index {
                self.files[index] = Fate::Named(name.to_os_string());
            }
        } else if what.contains(ReadFlags::DELETE)
            && let Some(deleted) = self.known(is_path, name)
        {
            self.files[deleted] = Fate::Gone;
        }
    }

    /// A file comes to the path, one that was there before or a new one.
    fn arrives(&mut self, index: Option<usize>) {
        if let Some(overwritten) = self.known(true, OsStr::new("")) {
            self.files[overwritten] = Fate::Gone;
        }
        match index {
            Some(index) => self.files[index] = Fate::Here,
            None if self.files.len() < FILES_MAX => self.files.push(Fate::Here),
            None => self.uncounted += 1,
        }
    }

    fn known(&self, is_path: bool, name: &OsStr) -> Option<usize> {
        self.files.iter().position(|fate| match fate {
            Fate::Here => is_path,
            Fate::Named(known) => !is_path && known == name,
            Fate::Gone => false,
        })
    }

    fn names(self) -> Vec<OsString> {
        let name = |fate| match fate {
            Fate::Named(name) => Some(name),
            Fate::Here | Fate::Gone => None,
        };
        self.files.into_iter().filter_map(name).collect()
    }

    /// What cannot be read, as nobody had looked at it.
    fn lost(&self) -> Option<String> {
        if self.overflowed {
            return Some(
                "too much happened in its directory to know whether a file is missing".into(),
            );
        }
        let unseen = self.files.iter().skip(usize::from(self.first_is_known));
        match unseen.filter(|fate| **fate == Fate::Gone).count() + self.uncounted {
            0 => None,
            1 => Some("a file was at the path between two looks, and is gone".into()),
            n => Some(format!("{n} files were at the path between two looks, and are gone")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(between: &Between) -> bool {
        between.paths.is_empty() && between.lost.is_none()
    }

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
        // Each was overwritten by the next but the last two; the first was there before.
        let read = |between: &Between| {
            between
                .paths
                .iter()
                .map(|p| std::fs::read_to_string(p).expect("is there"))
                .collect::<String>()
        };
        let between = history.take(&path, (0, 0));
        assert_eq!(read(&between), "23");
        let lost = between.lost.expect("it is said");
        assert!(lost.starts_with("2 files were at the path"), "{lost}");
        assert!(nothing(&history.take(&path, (0, 0))));
        std::fs::write(at("other"), "").expect("writes");
        std::fs::rename(at("other"), at("another")).expect("renames");
        std::fs::copy(at("log.1"), at("copy")).expect("copies");
        assert!(nothing(&history.take(&path, (0, 0))), "they never were at the path");
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
        assert!(nothing(&history.take(&path, (0, 0))));
        std::fs::write(&path, "").expect("writes");
        std::fs::rename(&path, logs.join("log.1")).expect("renames");
        assert_eq!(history.take(&path, (0, 0)).paths, [logs.join("log.1")]);
    }

    #[test]
    fn what_came_and_went_between_two_looks_is_said() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, other) = (dir.path().join("log"), dir.path().join("other"));
        let write = |path: &Path| std::fs::write(path, "x").expect("writes");
        let remove = |path: &Path| std::fs::remove_file(path).expect("removes");
        let rename = |from: &Path, to: &Path| std::fs::rename(from, to).expect("renames");
        write(&path);
        let mut history = History::of(&path);
        let mut lost = |does: &dyn Fn()| {
            does();
            history.take(&path, (0, 0)).lost
        };
        // The one that was looked at is no loss, and neither is what went elsewhere.
        assert_eq!(lost(&|| remove(&path)), None);
        assert_eq!(lost(&|| write(&path)), None);
        assert_eq!(lost(&|| (write(&other), rename(&other, &path)).1), None);
        assert_eq!(lost(&|| (rename(&path, &other), rename(&other, &path)).1), None);
        assert_eq!(lost(&|| (write(&other), remove(&other)).1), None);
        let came_and_went = lost(&|| {
            remove(&path);
            write(&path);
            remove(&path);
        });
        assert!(came_and_went.is_some_and(|why| why.starts_with("a file was at the path")));
        let too_many = lost(&|| (0..=FILES_MAX).for_each(|_| (write(&path), remove(&path)).1));
        assert!(too_many.is_some_and(|why| why.starts_with("65 files")));
        assert_eq!(lost(&|| std::fs::create_dir(&path).expect("makes")), None);
        assert_eq!(lost(&|| std::fs::remove_dir(&path).expect("removes")), None);
    }

    #[test]
    fn without_events_the_numbers_of_a_rotation_tell() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        for name in ["log.3", "log.2", "log.1", "log"] {
            std::fs::write(at(name), name).expect("writes");
        }
        let mut history = History::of(&at("log"));
        history.inotify = None;
        let id = |name: &str| id_of(&at(name).metadata().expect("is there"));
        for (followed, expected) in
            [("log.3", vec!["log.2", "log.1"]), ("log.1", vec![]), ("log", vec![])]
        {
            let expected: Vec<_> = expected.into_iter().map(at).collect();
            assert_eq!(history.take(&at("log"), id(followed)).paths, expected, "{followed}");
        }
    }
}
