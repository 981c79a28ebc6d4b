//! A slice over a file that may change, for code that takes only slices: regular
//! expressions, SIMD.
//!
//! # Safety
//! The slice breaks a rule of Rust (its bytes may change while it is shared), so the only
//! way to it is an `unsafe fn` whose caller vouches for that. This file ensures that the map lives
//! as long as the slice, and that no page of it can end the process while the handler is
//! installed: zeros take the place of the rest, and the scope returns [`Error::Truncated`].
#![allow(unsafe_code)]

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::map::{Map, MapOptions, unit_bytes};
use crate::sigbus::{
    self,
    registry::{OnFault, Slot},
};
use crate::{Errno, Result as Sys};

/// Why the result of a scope was thrown away, or why it was not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The file became shorter, or its device failed, before the scope ended: its
    /// result came partly from zeros. Every later scope returns this too.
    Truncated,
    /// The handler for SIGBUS is not installed, was displaced or is blocked by this
    /// thread: the scope was not entered.
    Unprotected,
    /// The size of the file is not available: the scope was not entered, or its result
    /// could not be checked.
    Os(Errno),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str(
                "the file became shorter while it was read; open it again and repeat",
            ),
            Self::Unprotected => f.write_str(
                "the handler for SIGBUS is not in place; call sigbus::install() first, and see sigbus::status()",
            ),
            Self::Os(errno) => write!(f, "the size of the file cannot be had: {errno}"),
        }
    }
}

impl std::error::Error for Error {}

/// A part of a file, mapped for lending as a slice.
#[derive(Debug)]
pub struct Slice {
    map: Map,
    fd: OwnedFd,
    end: u64,
}

impl Slice {
    /// Maps `len` bytes from `offset`, which must be the start of a page.
    ///
    /// # Errors
    /// Those of [`Map::new`]; [`Errno::NOSPC`] when too many maps are registered,
    /// [`Errno::OPNOTSUPP`] on hugetlbfs, where zeros cannot take the place of a part of a page.
    pub fn new(fd: BorrowedFd<'_>, offset: u64, len: usize) -> Sys<Self> {
        let page = rustix::param::page_size();
        if unit_bytes(fd, page) != page {
            return Err(Errno::OPNOTSUPP);
        }
        let map = Map::with_answer(fd, offset, len, &MapOptions::default(), OnFault::FillZeros)?;
        if map.slot().is_none() {
            return Err(Errno::NOSPC);
        }
        let fd = rustix::io::fcntl_dupfd_cloexec(fd, 0)?;
        Ok(Self { map, fd, end: offset + len as u64 })
    }

    /// Lends the bytes to `scope`, and returns its result if the file still has them all.
    ///
    /// When the scope ends, this checks that no page faulted, and that the file did not become
    /// shorter than the map (bytes up to the end of a page read as zeros without a fault).
    ///
    /// # Safety
    /// The bytes may change while `scope` runs, when a process writes to the file. The
    /// caller vouches that `scope` stays sound whatever it reads, even if it reads twice; that
    /// only its result leaves it (no `&str` checked here and used there); and that it checks an
    /// index that it computed from the bytes before it uses it. Threads to which `scope` hands
    /// the slice must not block SIGBUS, and no other handler for it may be
    /// installed until the scope ends.
    ///
    /// # Errors
    /// [`Error`]; the result of `scope` is dropped with it.
    ///
    /// ```
    /// # use std::{io::Write, os::fd::AsFd};
    /// use cutwater_sys::{poison::{Error, Slice}, sigbus};
    ///
    /// let mut file = tempfile::tempfile()?;
    /// file.write_all(b"one\ntwo\n")?;
    /// # if cfg!(target_arch = "x86_64") {
    /// sigbus::install()?;
    /// let slice = Slice::new(file.as_fd(), 0, 8)?;
    /// let count = |bytes: &[u8]| bytes.iter().filter(|&&b| b == b'\n').count();
    /// // SAFETY: a count is sound over any bytes, and nothing else leaves the scope.
    /// assert_eq!(unsafe { slice.with_slice(count) }, Ok(2));
    ///
    /// file.set_len(0)?;
    /// // SAFETY: as above.
    /// assert_eq!(unsafe { slice.with_slice(count) }, Err(Error::Truncated));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn with_slice<R>(&self, scope: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        self.check()?;
        // Asks the kernel each time: a scope is long, and a later check could not save it.
        if !sigbus::is_protected_now() {
            return Err(Error::Unprotected);
        }
        let start = self.map.start();
        // SAFETY: the map is readable for `len` bytes and outlives the scope; a page that
        // cannot be had becomes zeros, since the map is registered and the handler in place;
        // that the bytes may change is what this function's caller vouches for.
        let bytes = unsafe { std::slice::from_raw_parts(start.as_ptr(), self.map.len()) };
        let result = scope(bytes);
        self.check().map(|()| result)
    }

    /// Whether every byte of the map is still the file's.
    fn check(&self) -> Result<(), Error> {
        if self.map.slot().is_none_or(Slot::is_poisoned) {
            return Err(Error::Truncated);
        }
        let stat = rustix::fs::fstat(self.fd.as_fd()).map_err(Error::Os)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size < self.end { Err(Error::Truncated) } else { Ok(()) }
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn slice(len: u64) -> (std::fs::File, Slice) {
        sigbus::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![7; len as usize], 0).unwrap();
        let slice = Slice::new(file.as_fd(), 0, len as usize).unwrap();
        (file, slice)
    }

    fn sum(slice: &Slice, during: impl Fn()) -> Result<u64, Error> {
        let sum = |bytes: &[u8]| {
            during();
            bytes.iter().map(|&b| u64::from(b)).sum::<u64>()
        };
        // SAFETY: a sum is sound over any bytes.
        unsafe { slice.with_slice(sum) }
    }

    #[test]
    fn a_scope_over_a_whole_file_keeps_its_result() {
        let (_file, slice) = slice(10_000);
        assert_eq!(sum(&slice, || ()), Ok(70_000));
        assert_eq!(sum(&slice, || ()), Ok(70_000));
    }

    #[test]
    fn a_scope_over_a_truncated_file_ends_and_loses_its_result() {
        let (file, slice) = slice(40_960);
        assert_eq!(sum(&slice, || file.set_len(5000).unwrap()), Err(Error::Truncated));
        file.set_len(40_960).unwrap();
        assert_eq!(sum(&slice, || ()), Err(Error::Truncated), "it stays poisoned");
        drop(slice);
    }

    #[test]
    fn bytes_cut_inside_the_last_page_are_noticed_without_a_fault() {
        let (file, slice) = slice(5000);
        let caught = sigbus::counters();
        assert_eq!(sum(&slice, || file.set_len(4999).unwrap()), Err(Error::Truncated));
        drop((file, caught));
    }

    #[test]
    fn many_threads_in_one_scope_all_survive() {
        let (file, slice) = slice(1 << 20);
        let scope = |bytes: &[u8]| {
            file.set_len(4096).unwrap();
            std::thread::scope(|threads| {
                for part in bytes.chunks(1 << 18) {
                    threads.spawn(move || assert!(part.iter().all(|&b| b == 0 || b == 7)));
                }
            });
        };
        // SAFETY: the scope holds with any bytes of 0 and 7.
        assert_eq!(unsafe { slice.with_slice(scope) }, Err(Error::Truncated));
    }
}
