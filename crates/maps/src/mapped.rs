//! `Mapped`: reads from a map that end in an error where others end the process.

use std::fs;
use std::io::{ErrorKind, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cutwater_sys::Errno;
use cutwater_sys::map::{CopyError, Map};

use super::fault::{Fault, FaultCause};
use super::observer::Observer;
use super::value::ReadValue;
use super::windows::{Copied, Windows};
use crate::Error;
use crate::error::Action;

#[derive(Debug, Default)]
struct Counters {
    faults: AtomicU64,
    fallbacks: AtomicU64,
    windows: AtomicU64,
}

/// What happened to the reads of one [`Mapped`] that did not simply copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Copies that a page missing from the file ended.
    pub faults: u64,
    /// Reads that went through `pread(2)`: the handler for SIGBUS was not in place, a
    /// window could not be mapped, or a page that had failed was tried again.
    pub fallbacks: u64,
    /// Windows mapped.
    pub windows: u64,
}

/// A file mapped for reading, from which bytes are copied out and never lent.
///
/// Another process may truncate the file at any time: the answer is a [`Fault`] with the
/// bytes copied before it. That rests on [`sigbus::install`](crate::sigbus::install); while
/// the handler is not in place (or not on x86-64) every read is a `pread(2)` with the same
/// answers, and is counted. Reads work from any thread at once.
///
/// The file's size when it was opened is a promise: bytes below it that are gone are a
/// fault in every read that wants them, until [`Mapped::refresh`] takes the size that the
/// file has now for the promise. A file that grows is read up to its new end.
///
/// ```
/// use cutwater_maps::{Mapped, sigbus};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("data");
/// # std::fs::write(&path, vec![7; 10_000])?;
/// # if cfg!(target_arch = "x86_64") {
/// sigbus::install()?;
/// # }
/// let mapped = Mapped::open(&path)?;
/// let mut buf = [0; 6000];
/// assert_eq!(mapped.read_at(&mut buf, 5000)?, 5000);
///
/// std::fs::File::options().write(true).open(&path)?.set_len(6000)?;
/// let fault = mapped.read_at(&mut buf, 5000).unwrap_err();
/// assert!(fault.is_truncated());
/// assert_eq!(fault.copied(), 1000);
/// # Ok(()) }
/// ```
pub type Mapped = ObservedMap<()>;

/// A [`Mapped`] whose reads an [`Observer`] counts.
#[derive(Debug)]
pub struct ObservedMap<O> {
    file: fs::File,
    path: Option<PathBuf>,
    observer: O,
    promised: AtomicU64,
    /// The file as long as it was when it was opened, where the budget allows.
    whole: Option<Map>,
    /// The rest.
    windows: Windows,
    counters: Counters,
}

impl<O: Observer> ObservedMap<O> {
    pub(super) fn new(
        file: fs::File,
        path: Option<&Path>,
        observer: O,
        size: u64,
        whole: Option<Map>,
        windows: Windows,
    ) -> Self {
        let (path, promised) = (path.map(Path::to_path_buf), AtomicU64::new(size));
        Self { file, path, observer, promised, whole, windows, counters: Counters::default() }
    }

    /// The file's size now, bytes. See `fstat(2)`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn size(&self) -> crate::Result<u64> {
        self.size_now().map_err(|errno| Error::os(Action::Inspect, self.path.as_deref(), errno))
    }

    /// Takes the size that the file has now for the one it must keep, and returns it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn refresh(&self) -> crate::Result<u64> {
        let size = self.size()?;
        self.promised.store(size, Ordering::Relaxed);
        Ok(size)
    }

    /// Copies bytes at `offset` into `buf`; returns how many: fewer than asked only at the
    /// end of the file, 0 at or past it.
    ///
    /// # Errors
    /// [`Fault::is_truncated`] when the file had the bytes and has them no more, the
    /// kernel's error when the device failed, [`Fault::is_out_of_bounds`] when the range
    /// ends past `i64::MAX`.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Fault> {
        let started = self.observer.start();
        let range = (offset, buf.len());
        let len = self.available(range)?;
        if len > 0 {
            self.fill(&mut buf[..len], offset, range, 0)?;
            self.certify(range, len, buf[len - 1])?;
        }
        self.observer.done(started, len);
        Ok(len)
    }

    /// Copies bytes at `offset` into `bufs`, one after the other.
    ///
    /// # Errors
    /// As [`Mapped::read_at`].
    pub fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize, Fault> {
        let started = self.observer.start();
        let asked = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        let range = (offset, asked);
        let len = self.available(range)?;
        let (mut done, mut last) = (0, 0);
        for buf in bufs {
            let n = buf.len().min(len - done);
            self.fill(&mut buf[..n], offset + done as u64, range, done)?;
            last = buf[..n].last().copied().unwrap_or(last);
            done += n;
        }
        if done > 0 {
            self.certify(range, done, last)?;
        }
        self.observer.done(started, done);
        Ok(done)
    }

    /// Reads the value at `offset`, at any alignment: the bytes are copied first and judged
    /// afterwards.
    ///
    /// # Errors
    /// As [`Mapped::read_at`]; [`Fault::is_past_end`] when the file ends before the value
    /// does, [`Fault::is_invalid`] when the bytes are not a value of the type.
    pub fn read_value<T: ReadValue>(&self, offset: u64) -> Result<T, Fault> {
        let mut bytes = T::ZERO;
        let buf = bytes.as_mut();
        let range = (offset, buf.len());
        let copied = self.read_at(buf, offset)?;
        if copied < range.1 {
            let cause = FaultCause::Ended { size: offset.saturating_add(copied as u64) };
            return Err(self.fault(range, copied, cause));
        }
        T::from_bytes(bytes).ok_or_else(|| self.fault(range, copied, FaultCause::Invalid(T::NAME)))
    }

    /// What happened to the reads that did not simply copy.
    #[must_use]
    pub fn counts(&self) -> Snapshot {
        Snapshot {
            faults: self.counters.faults.load(Ordering::Relaxed),
            fallbacks: self.counters.fallbacks.load(Ordering::Relaxed),
            windows: self.counters.windows.load(Ordering::Relaxed),
        }
    }

    /// Unmaps and closes. Dropping does the same, and hides a failure.
    ///
    /// # Errors
    /// When the kernel refuses to unmap.
    pub fn close(self) -> crate::Result<()> {
        let path = self.path;
        match self.whole.map(Map::unmap) {
            Some(Err((_map, errno))) => Err(Error::os(Action::Unmap, path.as_deref(), errno)),
            _ => Ok(()),
        }
    }

    /// How much of a range the file has or has promised.
    fn available(&self, range: (u64, usize)) -> Result<usize, Fault> {
        let (offset, len) = range;
        let end = offset.checked_add(len as u64).filter(|&end| i64::try_from(end).is_ok());
        let end = end.ok_or_else(|| self.fault(range, 0, FaultCause::OutOfBounds))?;
        let mut size = self.promised.load(Ordering::Relaxed);
        if end > size {
            let now = self.size_now().map_err(|e| self.fault(range, 0, FaultCause::Os(e)))?;
            size = self.promised.fetch_max(now, Ordering::Relaxed).max(now);
        }
        // At most `len`, so it fits.
        Ok(end.min(size).saturating_sub(offset) as usize)
    }

    /// Copies all of `buf`; `before` bytes of `range` were copied by others.
    fn fill(
        &self,
        buf: &mut [u8],
        offset: u64,
        range: (u64, usize),
        before: usize,
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < buf.len() {
            let (at, rest) = (offset + done as u64, &mut buf[done..]);
            match self.copy(at, rest) {
                Copied::Done { bytes, mapped } => {
                    done += bytes;
                    if mapped {
                        self.counters.windows.fetch_add(1, Ordering::Relaxed);
                        self.observer.window_mapped();
                    }
                }
                Copied::NotMapped => {
                    self.pread(rest, at, range, before + done)?;
                    done = buf.len();
                }
                Copied::Fault { bytes } => {
                    self.counters.faults.fetch_add(1, Ordering::Relaxed);
                    let (at, before) = (at + bytes as u64, before + done + bytes);
                    // It knows why: the file ended, the device failed, or nothing any more.
                    self.pread(&mut rest[bytes..], at, range, before)?;
                    done = buf.len();
                }
            }
        }
        Ok(())
    }

    fn copy(&self, offset: u64, buf: &mut [u8]) -> Copied {
        let Some(map) = self.whole.as_ref().filter(|map| offset < map.len() as u64) else {
            return self.windows.copy(self.file.as_fd(), offset, buf);
        };
        let inside = offset as usize;
        let len = buf.len().min(map.len() - inside);
        match map.copy_to(inside, &mut buf[..len]) {
            Ok(bytes) => Copied::Done { bytes, mapped: false },
            Err(CopyError::Fault { copied }) => Copied::Fault { bytes: copied },
            Err(CopyError::Unprotected | CopyError::OutOfBounds) => Copied::NotMapped,
        }
    }

    #[cold]
    fn pread(
        &self,
        buf: &mut [u8],
        offset: u64,
        range: (u64, usize),
        before: usize,
    ) -> Result<(), Fault> {
        self.counters.fallbacks.fetch_add(1, Ordering::Relaxed);
        self.observer.fell_back();
        let mut done = 0;
        while done < buf.len() {
            self.observer.called();
            match self.file.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => return Err(self.truncated(range, before + done)),
                Ok(n) => done += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    let cause = FaultCause::Os(errno(&e));
                    return Err(self.fault(range, before + done, cause));
                }
            }
        }
        Ok(())
    }

    /// Checks that the file still reaches to the end of what was copied: bytes between its
    /// end and the end of that page read as zeros without a fault. Pages after that fault, so
    /// the `last` byte copied is such a zero, or no byte is: only then is it worth a call.
    ///
    /// A copy that overtakes the kernel while it zeroes that rest, some tens of nanoseconds, can
    /// hold zeros before bytes that were still the old ones; so can one by `pread(2)`.
    fn certify(&self, range: (u64, usize), copied: usize, last: u8) -> Result<(), Fault> {
        if last != 0 {
            return Ok(());
        }
        let size = self.size_now().map_err(|e| self.fault(range, 0, FaultCause::Os(e)))?;
        if size >= range.0 + copied as u64 {
            return Ok(());
        }
        Err(self.truncated(range, copied))
    }

    /// The fault after `copied` bytes. Those past the end of the file do not count: they are zeros
    /// from the rest of its last page.
    #[cold]
    fn truncated(&self, range: (u64, usize), copied: usize) -> Fault {
        match self.size_now() {
            Ok(size) => {
                let whole = usize::try_from(size.saturating_sub(range.0)).unwrap_or(copied);
                self.fault(range, whole.min(copied), FaultCause::Truncated { size })
            }
            Err(errno) => self.fault(range, 0, FaultCause::Os(errno)),
        }
    }

    fn size_now(&self) -> Result<u64, Errno> {
        let stat = rustix::fs::fstat(&self.file)?;
        u64::try_from(stat.st_size).map_err(|_| Errno::OVERFLOW)
    }

    #[cold]
    fn fault(&self, range: (u64, usize), copied: usize, cause: FaultCause) -> Fault {
        Fault::new(self.path.as_deref(), range, copied, cause)
    }
}

impl<O> AsFd for ObservedMap<O> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

pub(super) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
