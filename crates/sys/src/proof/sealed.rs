//! `&[u8]` over a sealed anonymous file: the kernel guarantees that the bytes cannot change.
//!
//! # Safety
//! A [`SealedMap`] lends `&[u8]` over shared memory. That is sound because, before it
//! exists, three facts were established about the file, and no process can undo them:
//! - `F_SEAL_WRITE` is set: no write, no hole punched, no writable map, and the kernel
//!   refused the seal while one existed (`EBUSY`), so no byte changes;
//! - `F_SEAL_SHRINK` is set and `fstat(2)`, called after that was seen, gave a length of at
//!   least what is mapped, so no page of the map is ever past the end (no SIGBUS);
//! - every page is there (no holes), so that no fault has to allocate one and fail (SIGBUS
//!   from a sparse `memfd` under strict overcommit, or from huge pages that ran out).
//!
//! The map is private to this type, read-only, and unmapped only by `drop` or `close`.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

use rustix::fs::{FileType, SeekFrom};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::buffer::dangling;
use crate::memfd::{self, FROZEN};

/// Why a descriptor was not mapped as sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be sealed: a regular file, a pipe, a socket, a directory.
    NotSealable,
    /// These seals are missing, by their names in `fcntl(2)`.
    Unsealed {
        /// `F_SEAL_SHRINK`, so it could become shorter under a reader.
        shrink: bool,
        /// `F_SEAL_WRITE`, so its bytes could change under a reader.
        write: bool,
        /// `F_SEAL_GROW`, so it could become longer.
        grow: bool,
        /// `F_SEAL_SEAL`, so the set of seals is still open.
        seal: bool,
    },
    /// The length is not the one that was announced.
    WrongLength {
        /// The announced length, bytes.
        expected: u64,
        /// The length by `fstat(2)`, bytes.
        actual: u64,
    },
    /// It has a hole: reading it would allocate memory, which can fail with SIGBUS.
    Sparse {
        /// Offset of the first hole, where it is known.
        hole: Option<u64>,
    },
    /// Longer than an address space.
    TooLong,
    /// The kernel refused a call.
    Os(Errno),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealable => f.write_str("it is not a memfd that can be sealed"),
            Self::Unsealed { shrink, write, grow, seal } => {
                f.write_str("it lacks the seals")?;
                let names = [
                    (shrink, " F_SEAL_SHRINK"),
                    (write, " F_SEAL_WRITE"),
                    (grow, " F_SEAL_GROW"),
                    (seal, " F_SEAL_SEAL"),
                ];
                names.iter().filter(|(lacks, _)| **lacks).try_for_each(|(_, n)| f.write_str(n))
            }
            Self::WrongLength { expected, actual } => {
                write!(f, "it holds {actual} bytes, but {expected} were announced")
            }
            Self::Sparse { hole: Some(at) } => write!(f, "it has a hole at offset {at}"),
            Self::Sparse { hole: None } => f.write_str("it has holes that cannot be filled"),
            Self::TooLong => f.write_str("it is longer than the address space"),
            Self::Os(errno) => write!(f, "the kernel refused it: {errno}"),
        }
    }
}

impl std::error::Error for Refused {}

/// A read-only map of a whole sealed anonymous file.
#[derive(Debug)]
pub struct SealedMap {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the bytes are immutable for as long as they are mapped, and the map belongs to no thread.
unsafe impl Send for SealedMap {}
// SAFETY: shared access only ever reads bytes that nothing can change.
unsafe impl Sync for SealedMap {}

impl SealedMap {
    /// Checks the seals, the length and that there are no holes, then maps the file.
    ///
    /// `expected_len` is the length that was announced with the descriptor, if any.
    /// The descriptor may be closed afterwards. An empty file maps to an empty slice.
    ///
    /// # Errors
    /// [`Refused`] says which proof is missing, or which call the kernel refused.
    pub fn new(fd: BorrowedFd<'_>, expected_len: Option<u64>) -> Result<Self, Refused> {
        verify_seals(fd)?;
        let actual = len_of(fd)?;
        if let Some(expected) = expected_len.filter(|&expected| expected != actual) {
            return Err(Refused::WrongLength { expected, actual });
        }
        let len = usize::try_from(actual)
            .ok()
            .filter(|&n| isize::try_from(n).is_ok())
            .ok_or(Refused::TooLong)?;
        if len == 0 {
            return Ok(Self { base: dangling(), len });
        }
        let map = Self::map(fd, len)?;
        map.verify_pages(fd)?;
        Ok(map)
    }

    fn map(fd: BorrowedFd<'_>, len: usize) -> Result<Self, Refused> {
        // Private: before 6.7 the kernel refuses shared maps of a file sealed against
        // writes. Nothing writes to it, so its pages are the file's.
        // SAFETY: a null hint lets the kernel pick unused addresses; no memory of ours is replaced.
        let base = unsafe {
            rustix::mm::mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, fd, 0)
        }?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(Refused::Os(Errno::NOMEM))?;
        Ok(Self { base, len })
    }

    /// Makes sure that reading never allocates: there are no holes, or they are filled now.
    fn verify_pages(&self, fd: BorrowedFd<'_>) -> Result<(), Refused> {
        if rustix::fs::fstatfs(fd)?.f_type as u64 == TMPFS_MAGIC {
            let hole = rustix::fs::seek(fd, SeekFrom::Hole(0))?;
            return if hole >= self.len as u64 {
                Ok(())
            } else {
                Err(Refused::Sparse { hole: Some(hole) })
            };
        }
        // Huge pages: the kernel cannot be asked for holes, but there are few pages to fill.
        // SAFETY: the range is exactly our map; populating reads it and changes no byte.
        unsafe { rustix::mm::madvise(self.address(), self.len, Advice::LinuxPopulateRead) }
            .map_err(|_| Refused::Sparse { hole: None })
    }

    fn address(&self) -> *mut c_void {
        self.base.as_ptr().cast()
    }

    /// The bytes, which do not change while the map lives.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `base` is valid for reads of `len` bytes until drop; the bytes are frozen by
        // the seals verified in `new`; `len` fits isize; for 0 the pointer is aligned and dangling.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }

    /// Length, bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Maps all pages into this process now, so that later reads do not fault; `madvise(2)`
    /// with `MADV_POPULATE_READ` (5.14).
    ///
    /// # Errors
    /// `EINVAL` before 5.14, `ENOMEM` when page tables cannot be had.
    pub fn populate(&self) -> crate::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: the range is exactly our map; populating reads it and changes no byte.
        unsafe { rustix::mm::madvise(self.address(), self.len, Advice::LinuxPopulateRead) }
    }

    /// Unmaps; `munmap(2)`. Dropping does the same and cannot report.
    ///
    /// # Errors
    /// `ENOMEM` when the process has as many maps as it may; the map then stays.
    pub fn close(self) -> crate::Result<()> {
        let this = std::mem::ManuallyDrop::new(self);
        this.unmap()
    }

    fn unmap(&self) -> crate::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: exactly the range that `map` got; both callers give up `self`, and the
        // slices lent from it ended before, as they borrow it.
        unsafe { rustix::mm::munmap(self.address(), self.len) }
    }
}

impl Drop for SealedMap {
    fn drop(&mut self) {
        // Nobody is left to report to. On a failure only the addresses stay in use.
        let _ = self.unmap();
    }
}

impl AsRef<[u8]> for SealedMap {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// `TMPFS_MAGIC` in `statfs(2)`: the file system of ordinary memfds.
const TMPFS_MAGIC: u64 = 0x0102_1994;

fn verify_seals(fd: BorrowedFd<'_>) -> Result<(), Refused> {
    let seals = memfd::seals(fd).map_err(|e| match e {
        Errno::INVAL | Errno::BADF => Refused::NotSealable,
        other => Refused::Os(other),
    })?;
    if seals.contains(FROZEN) {
        return Ok(());
    }
    let lacks = |seal| !seals.contains(seal);
    Err(Refused::Unsealed {
        shrink: lacks(rustix::fs::SealFlags::SHRINK),
        write: lacks(rustix::fs::SealFlags::WRITE),
        grow: lacks(rustix::fs::SealFlags::GROW),
        seal: lacks(rustix::fs::SealFlags::SEAL),
    })
}

fn len_of(fd: BorrowedFd<'_>) -> Result<u64, Refused> {
    let stat = rustix::fs::fstat(fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Refused::NotSealable);
    }
    u64::try_from(stat.st_size).map_err(|_| Refused::NotSealable)
}

#[cfg(test)]
#[path = "sealed/tests.rs"]
mod tests;
