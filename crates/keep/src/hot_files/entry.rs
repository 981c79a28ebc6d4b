//! One file in memory, and how it gets there.

use std::fmt;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cutwater_sys::Errno;
use rustix::fs::{CWD, Mode, OFlags};

use super::counts::{Count, Counters};
use super::released::Watches;
use super::stamp::{Place, Stamp, clock_ns};

use crate::error::{Action, Cause};
use crate::{Error, Result};

/// How often a file that changes under the read is read again.
const TRIES: u32 = 8;

/// The contents of a file at one moment, shared.
///
/// Cheap to clone. Keeps its bytes for as long as it lives, whatever happens to the file
/// or to the cache; ask the cache again for newer ones.
#[derive(Clone)]
pub struct HotFile(pub(super) Arc<Entry>);

impl HotFile {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The path it was asked for by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether both are the same copy in memory.
    #[must_use]
    pub fn is_same_copy(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for HotFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl AsRef<[u8]> for HotFile {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Debug for HotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotFile").field("path", &self.0.path).field("len", &self.len()).finish()
    }
}

/// What the cache holds for a path.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) bytes: Box<[u8]>,
    pub(super) stamp: Stamp,
    pub(super) place: Place,
    /// Whether any later change must show in the stamp.
    pub(super) settled: bool,
    /// False once an event said that the file or its path changed.
    valid: AtomicBool,
    /// When the bytes were last known to be those of the path; ns of the monotonic clock.
    pub(super) checked_ns: AtomicU64,
    /// How long that may be relied on without asking again, ns.
    pub(super) trust_ns: AtomicU64,
    /// Set once watching was tried; without watches if it failed.
    pub(super) watches: OnceLock<Option<Watches>>,
    /// Keeps the inode, so that its number names no other file meanwhile.
    fd: Mutex<Option<OwnedFd>>,
}

impl Entry {
    pub(super) fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Acquire)
    }

    pub(super) fn is_watched(&self) -> bool {
        matches!(self.watches.get(), Some(Some(_)))
    }

    /// Ends the entry, and gives a deleted file's space back. Returns whether it was valid before.
    pub(super) fn invalidate(&self) -> bool {
        let was_valid = self.valid.swap(false, Ordering::AcqRel);
        drop(self.fd.lock().unwrap_or_else(PoisonError::into_inner).take());
        was_valid
    }
}

/// Limits of a load and where it counts.
pub(super) struct Loader<'a> {
    pub(super) file_bytes_max: u64,
    pub(super) trust_ns: u64,
    pub(super) counters: &'a Counters,
}

impl Loader<'_> {
    /// Reads the file that `path` names; `now_ns` was taken before, of the monotonic clock.
    pub(super) fn load(&self, path: &Path, now_ns: u64) -> Result<Entry> {
        // Not blocking, for the case that it is a FIFO; a regular file does not care.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|e| Error::os(Action::Open, Some(path), e))?;
        let place = Place::of_fd(fd.as_fd());
        for _ in 0..TRIES {
            let read_at_ns = clock_ns();
            let stamp = self.inspect(fd.as_fd(), path)?;
            let read = Action::Read { offset: 0, len: stamp.size };
            let bytes =
                read_whole(fd.as_fd(), stamp.size).map_err(|e| Error::os(read, Some(path), e))?;
            let same = self.inspect(fd.as_fd(), path)? == stamp;
            if let (Some(bytes), true) = (bytes, same) {
                return Ok(Entry {
                    path: path.to_path_buf(),
                    bytes,
                    stamp,
                    place,
                    settled: stamp.is_settled(read_at_ns, place),
                    valid: AtomicBool::new(true),
                    checked_ns: AtomicU64::new(now_ns),
                    trust_ns: AtomicU64::new(self.trust_ns),
                    watches: OnceLock::new(),
                    fd: Mutex::new(Some(fd)),
                });
            }
            self.counters.add(Count::rereads, 1);
        }
        Err(Error::os(Action::Read { offset: 0, len: 0 }, Some(path), Errno::AGAIN))
    }

    fn inspect(&self, fd: BorrowedFd<'_>, path: &Path) -> Result<Stamp> {
        let stamp = Stamp::of_fd(fd).map_err(|e| Error::os(Action::Inspect, Some(path), e))?;
        let kind = Cause::Kind("not a regular file");
        let stamp = stamp.ok_or_else(|| Error::new(Action::Inspect, Some(path), kind))?;
        if stamp.size > self.file_bytes_max {
            let (size, max) = (stamp.size, self.file_bytes_max);
            let why = format!(
                "it holds {size} bytes and hot files at most {max}; read it with File, or raise file_bytes_max"
            );
            return Err(Error::new(Action::Open, Some(path), Cause::Unsupported(why)));
        }
        Ok(stamp)
    }
}

/// All `size` bytes, or `None` if the file ended before.
fn read_whole(fd: BorrowedFd<'_>, size: u64) -> std::result::Result<Option<Box<[u8]>>, Errno> {
    let size = usize::try_from(size).map_err(|_| Errno::FBIG)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| Errno::NOMEM)?;
    bytes.resize(size, 0u8);
    let mut bytes = bytes.into_boxed_slice();
    let mut done = 0;
    while done < size {
        match rustix::io::pread(fd, &mut bytes[done..], done as u64) {
            Ok(0) => return Ok(None),
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Some(bytes))
}
