//! Read-only shared maps of files: `mmap(2)`.
//!
//! # Safety
//! A [`Map`] owns `[start, start + len)` from the mmap(2) that made it to the munmap(2)
//! that ends it. Nothing here makes a Rust reference into that range: the file may change
//! at any time, so bytes leave it only through [`crate::sigbus`]'s copy routine.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::sigbus::registry::{OnFault, Slot};
use crate::sigbus::{self, copy};
use crate::{Errno, Result};

/// Options of a map.
#[derive(Debug, Clone, Copy, Default)]
pub struct MapOptions {
    /// Makes the page tables now and reads what is not in the page cache: `MAP_POPULATE`.
    pub populate: bool,
}

/// The intended use of a part of a map: `madvise(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapAdvice {
    /// `MADV_NORMAL`: the kernel's own read-ahead.
    Normal,
    /// `MADV_SEQUENTIAL`: read far ahead, drop what was read.
    Sequential,
    /// `MADV_RANDOM`: no read-ahead.
    Random,
    /// `MADV_WILLNEED`: begin to read now.
    WillNeed,
    /// `MADV_POPULATE_READ` (5.14): read and make the page tables now, or fail with EFAULT.
    PopulateRead,
    /// `MADV_HUGEPAGE`: huge pages where the file system has them.
    HugePage,
    /// `MADV_COLD` (5.4): reclaim these first.
    Cold,
    /// `MADV_DONTNEED`: drop the page tables, so that the process uses less memory. The page cache
    /// keeps its pages, and a read maps them again.
    DontNeed,
}

impl From<MapAdvice> for Advice {
    fn from(advice: MapAdvice) -> Self {
        match advice {
            MapAdvice::Normal => Self::Normal,
            MapAdvice::Sequential => Self::Sequential,
            MapAdvice::Random => Self::Random,
            MapAdvice::WillNeed => Self::WillNeed,
            MapAdvice::DontNeed => Self::LinuxDontNeed,
            MapAdvice::PopulateRead => Self::LinuxPopulateRead,
            MapAdvice::HugePage => Self::LinuxHugepage,
            MapAdvice::Cold => Self::LinuxCold,
        }
    }
}

/// Why a copy from a map ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyError {
    /// The handler for SIGBUS is not installed, was displaced, is blocked by this thread,
    /// or has no slot for this map: nothing was copied. Read with `pread(2)`.
    Unprotected,
    /// A page is not available: the file was truncated or the device failed.
    Fault {
        /// Bytes at the start of the buffer that were copied.
        copied: usize,
    },
    /// The range reaches past the end of the map: nothing was copied.
    OutOfBounds,
}

/// A part of a file, mapped `MAP_SHARED` and `PROT_READ`.
///
/// ```
/// use std::os::fd::AsFd;
/// use cutwater_sys::{map::{CopyError, Map, MapOptions}, sigbus};
///
/// let file = tempfile::tempfile()?;
/// file.set_len(8192)?;
/// let map = Map::new(file.as_fd(), 0, 8192, &MapOptions::default())?;
/// # if cfg!(target_arch = "x86_64") {
/// sigbus::install()?;
/// let mut buf = [1; 8192];
/// assert_eq!(map.copy_to(0, &mut buf), Ok(8192));
///
/// file.set_len(4096)?; // Any other map of it would now kill the process.
/// assert_eq!(map.copy_to(0, &mut buf), Err(CopyError::Fault { copied: 4096 }));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Map {
    start: NonNull<c_void>,
    /// 0 once it is unmapped.
    len: usize,
    /// The same in whole pages of the size that the file is mapped in.
    rounded: usize,
    on_fault: OnFault,
    slot: Option<Slot>,
}

// SAFETY: a map is an address range; the kernel lets any thread of the process read it.
unsafe impl Send for Map {}
// SAFETY: through `&Map` the range is only read, and only by the copy routine.
unsafe impl Sync for Map {}

impl Map {
    /// Maps `len` bytes of the file from `offset`, which must be the start of a page. See `mmap(2)`.
    ///
    /// The range may reach past the end of the file. Bytes there read as zeros up to the end of the
    /// last page, and fault beyond it.
    ///
    /// # Errors
    /// [`Errno::INVAL`] when `len` is 0 or `offset` lies inside a page, [`Errno::OVERFLOW`]
    /// when the range ends past `i64::MAX` or `isize::MAX`; and those of `mmap(2)`.
    pub fn new(fd: BorrowedFd<'_>, offset: u64, len: usize, options: &MapOptions) -> Result<Self> {
        Self::with_answer(fd, offset, len, options, OnFault::EndCopy)
    }

    pub(crate) fn with_answer(
        fd: BorrowedFd<'_>,
        offset: u64,
        len: usize,
        options: &MapOptions,
        on_fault: OnFault,
    ) -> Result<Self> {
        let page = rustix::param::page_size();
        if len == 0 || !offset.is_multiple_of(page as u64) {
            return Err(Errno::INVAL);
        }
        let rounded = len
            .checked_next_multiple_of(unit_bytes(fd, page))
            .filter(|&r| isize::try_from(r).is_ok());
        let rounded = rounded.ok_or(Errno::OVERFLOW)?;
        let end = offset.checked_add(rounded as u64);
        end.filter(|&e| i64::try_from(e).is_ok()).ok_or(Errno::OVERFLOW)?;
        let mut flags = MapFlags::SHARED;
        flags.set(MapFlags::POPULATE, options.populate);
        // SAFETY: no address is asked for, so the kernel takes one that nothing uses.
        let start = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, flags, fd, offset)
        }?;
        let start = NonNull::new(start).ok_or(Errno::NOMEM)?;
        // The handler finds the range by its address alone.
        let slot = Slot::claim(start.as_ptr().expose_provenance(), rounded, on_fault);
        // Maps are rarer than copies, so the handler is checked here.
        let _ = sigbus::status();
        Ok(Self { start, len, rounded, on_fault, slot })
    }

    /// Its length, bytes; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty map cannot be made")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies `buf.len()` bytes from `offset` of the map, and returns that length.
    ///
    /// # Errors
    /// [`CopyError`]; after [`CopyError::Fault`] the first `copied` bytes of `buf` are those
    /// of the map, the others unspecified. A truncation inside the last page
    /// causes no fault: compare with the size after copying.
    pub fn copy_to(&self, offset: usize, buf: &mut [u8]) -> std::result::Result<usize, CopyError> {
        let end = offset.checked_add(buf.len()).ok_or(CopyError::OutOfBounds)?;
        if end > self.len {
            return Err(CopyError::OutOfBounds);
        }
        if self.slot.is_none() || !sigbus::is_protected() {
            return Err(CopyError::Unprotected);
        }
        // SAFETY: `offset` is at most `len`, so this stays inside the one mapping.
        let source = unsafe { self.start.cast::<u8>().add(offset) };
        // SAFETY: the source was checked to lie in this live, registered map; `buf` is
        // exclusively ours and no reference into a map exists, so they do not overlap.
        let copied = unsafe { copy::copy(buf.as_mut_ptr(), source.as_ptr(), buf.len()) };
        if copied < buf.len() { Err(CopyError::Fault { copied }) } else { Ok(copied) }
    }

    /// Advises the kernel how `range` of the map will be used; the start is rounded down to a
    /// page. See `madvise(2)`.
    ///
    /// # Errors
    /// [`Errno::INVAL`] when the range is empty or reaches past the end;
    /// [`Errno::FAULT`] from [`MapAdvice::PopulateRead`] past the end of the file; and those
    /// of `madvise(2)`.
    pub fn advise(&self, range: Range<usize>, advice: MapAdvice) -> Result<()> {
        if range.is_empty() || range.end > self.len {
            return Err(Errno::INVAL);
        }
        let page = rustix::param::page_size();
        let from = range.start - range.start % page;
        // SAFETY: `from` is below `len`, so this stays inside the one mapping.
        let start = unsafe { self.start.cast::<u8>().add(from) };
        // SAFETY: the range lies in this live map, and no advice of `MapAdvice` changes what
        // a read-only shared map reads as.
        unsafe { rustix::mm::madvise(start.as_ptr().cast(), range.end - from, advice.into()) }
    }

    /// Unmaps. See `munmap(2)`.
    ///
    /// # Errors
    /// Those of `munmap(2)`, with the map, which stays usable.
    pub fn unmap(mut self) -> std::result::Result<(), (Self, Errno)> {
        self.release().map_err(|errno| (self, errno))
    }

    /// Its first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start.cast()
    }

    /// Its place in the registry; none where the registry was full.
    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn address(&self, offset: usize) -> *const u8 {
        self.start.as_ptr().cast::<u8>().wrapping_add(offset)
    }

    fn release(&mut self) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let start = self.start.as_ptr();
        // The handler must not find it any more when the addresses become another mapping's.
        self.slot = None;
        // SAFETY: the range is this map's own, no copy runs (`&mut self`), and `len` of 0
        // says from here on that it is gone.
        if let Err(errno) = unsafe { rustix::mm::munmap(start, self.rounded) } {
            self.slot = Slot::claim(start.addr(), self.rounded, self.on_fault);
            return Err(errno);
        }
        self.len = 0;
        Ok(())
    }
}

/// The unit that maps of the file are made of, bytes: a page, and on hugetlbfs a huge one, because the
/// kernel refuses to unmap a part of it.
pub(crate) fn unit_bytes(fd: BorrowedFd<'_>, page: usize) -> usize {
    const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;
    let Ok(stat) = rustix::fs::fstatfs(fd) else { return page };
    let huge = stat.f_type as u64 == HUGETLBFS_MAGIC;
    usize::try_from(stat.f_bsize).ok().filter(|&n| huge && n >= page).unwrap_or(page)
}

impl Drop for Map {
    fn drop(&mut self) {
        // Nobody is left to report to; a map that cannot be undone stays until the process ends.
        let _ = self.release();
    }
}

#[cfg(test)]
mod tests;
