//! Watches on everything that a path passes through.
//!
//! An event on the file alone would miss a directory that is renamed above it, or a
//! symbolic link that is pointed elsewhere. So each directory and each link on the way is
//! watched itself. That suffices: to put something else in the place of a name, what is
//! there must be renamed (`IN_MOVE_SELF`), removed, or replaced (`IN_ATTRIB`, as its link
//! count changes). Mounts are the one exception, and [`super::watch`] sees them.

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::{Component, Path, PathBuf};

use cutwater_sys::Errno;
use rustix::fs::FileType;
use rustix::fs::inotify::{self, WatchFlags};

use super::stamp::Place;

/// Symbolic links on one path, as the kernel limits them; `path_resolution(7)`.
const LINKS_MAX: u32 = 40;
/// Watches for one path; deeper ones fall back to `statx(2)`.
const WATCHES_MAX: usize = 128;

const ON_NAME: WatchFlags = WatchFlags::MOVE_SELF
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DONT_FOLLOW);
const ON_DIRECTORY: WatchFlags = ON_NAME.union(WatchFlags::ONLYDIR);
const ON_FILE: WatchFlags = ON_NAME.union(WatchFlags::MODIFY);

/// Why a path cannot be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwatched {
    /// Part of it lies where changes raise no event here.
    Elsewhere,
    /// It does not end at a regular file, or is too deep.
    Shape,
    /// The kernel refused: `ENOSPC` at the limit of watches, or it changes right now.
    Os(Errno),
}

impl From<Errno> for Unwatched {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

/// Watches all that `path` passes through, in order, and appends the descriptors to
/// `watches`, also before an error; the same for as long as the path resolves the same way.
pub(super) fn watch(
    inotify: BorrowedFd<'_>,
    path: &Path,
    watches: &mut Vec<i32>,
) -> Result<(), Unwatched> {
    let mut walk = Walk { inotify, at: PathBuf::from("/"), watches, links: 0 };
    walk.add(ON_DIRECTORY)?;
    // What is still to be passed through, last first.
    let mut ahead: Vec<Step> = steps_reversed(path);
    while let Some(step) = ahead.pop() {
        if walk.watches.len() >= WATCHES_MAX {
            return Err(Unwatched::Shape);
        }
        match step {
            Step::Root => walk.at = PathBuf::from("/"),
            Step::Up => drop(walk.at.pop()),
            Step::Into(name) => walk.enter(&name, &mut ahead)?,
        }
    }
    Ok(())
}

enum Step {
    Root,
    Up,
    Into(OsString),
}

fn steps_reversed(path: &Path) -> Vec<Step> {
    let step = |component| match component {
        Component::Normal(name) => Some(Step::Into(name.to_os_string())),
        Component::ParentDir => Some(Step::Up),
        Component::RootDir => Some(Step::Root),
        Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(step).collect()
}

struct Walk<'a> {
    inotify: BorrowedFd<'a>,
    /// Where the walk stands; without symbolic links in it.
    at: PathBuf,
    watches: &'a mut Vec<i32>,
    links: u32,
}

impl Walk<'_> {
    fn enter(&mut self, name: &OsString, ahead: &mut Vec<Step>) -> Result<(), Unwatched> {
        self.at.push(name);
        match FileType::from_raw_mode(rustix::fs::lstat(&self.at)?.st_mode) {
            FileType::Directory => self.add(ON_DIRECTORY),
            FileType::RegularFile if ahead.is_empty() => self.add(ON_FILE),
            FileType::Symlink if self.links < LINKS_MAX => {
                self.links += 1;
                self.add(ON_NAME)?;
                let target = rustix::fs::readlink(&self.at, Vec::new())?;
                self.at.pop();
                let target: OsString =
                    std::os::unix::ffi::OsStringExt::from_vec(target.into_bytes());
                ahead.extend(steps_reversed(Path::new(&target)));
                Ok(())
            }
            _ => Err(Unwatched::Shape),
        }
    }

    fn add(&mut self, mask: WatchFlags) -> Result<(), Unwatched> {
        // A link lies where its directory does, and is followed by what it points to.
        if mask != ON_NAME && Place::of_path(&self.at) != Place::Local {
            return Err(Unwatched::Elsewhere);
        }
        self.watches.push(inotify::add_watch(self.inotify, &self.at, mask)?);
        Ok(())
    }
}
