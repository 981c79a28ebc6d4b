//! How much of a file is in the page cache: `cachestat(2)`, else `mincore(2)`.
//!
//! # Safety
//! `cachestat` reads one struct of ours and writes another. `mincore` is asked about a mapping
//! made and removed in the same call, and writes one byte a page into a vector of that length.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::buffer::PAGE_BYTES;
use crate::{Errno, Result, last_errno};

/// Pages of a range by state, as `cachestat(2)` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStat {
    /// Pages in the page cache.
    pub cached: u64,
    /// Of these, changed and not yet written.
    pub dirty: u64,
    /// Of these, being written.
    pub writeback: u64,
}

#[repr(C)]
struct CachestatRange {
    off: u64,
    len: u64,
}

#[repr(C)]
#[derive(Default)]
struct RawCachestat {
    nr_cache: u64,
    nr_dirty: u64,
    nr_writeback: u64,
    nr_evicted: u64,
    nr_recently_evicted: u64,
}

/// The same number on every architecture: it came after they were unified (Linux 6.5).
const SYS_CACHESTAT: libc::c_long = 451;

/// Counts the resident pages of `range`. The cost grows with what is resident, not with the range.
///
/// # Errors
/// `ENOSYS` before Linux 6.5, `EOPNOTSUPP` on hugetlbfs, `EPERM` for a file that the caller
/// neither owns nor may write.
pub fn cachestat(fd: BorrowedFd<'_>, range: Range<u64>) -> Result<CacheStat> {
    let len = range.end.saturating_sub(range.start);
    if len == 0 {
        // To the kernel a length of 0 means "to the end".
        return Ok(CacheStat::default());
    }
    let ask = CachestatRange { off: range.start, len };
    let mut raw = RawCachestat::default();
    // SAFETY: both structs have the layout of the kernel's (asserted below) and live past the call.
    let r =
        unsafe { libc::syscall(SYS_CACHESTAT, fd.as_raw_fd(), &raw const ask, &raw mut raw, 0u32) };
    if r != 0 {
        return Err(last_errno());
    }
    Ok(CacheStat { cached: raw.nr_cache, dirty: raw.nr_dirty, writeback: raw.nr_writeback })
}

const _: () = assert!(size_of::<CachestatRange>() == 16 && size_of::<RawCachestat>() == 40);

/// Most pages of one call of `mincore(2)`: a vector of 64 KiB, 256 MiB of file.
const MINCORE_PAGES_MAX: usize = 1 << 16;

/// Up to this many pages the vector is on the stack: 1 MiB, the longest single read, and both ends.
const MINCORE_PAGES_FEW: usize = 258;

/// Counts the resident pages of `range` (page-aligned start) through a map: `mincore(2)`.
///
/// # Errors
/// `ENODEV` where the file system has no maps, `ENOMEM` without address space. For a file that
/// the caller neither owns nor may write, the kernel answers that everything is resident.
pub fn mincore(fd: BorrowedFd<'_>, range: Range<u64>) -> Result<u64> {
    if !range.start.is_multiple_of(PAGE_BYTES as u64) {
        return Err(Errno::INVAL);
    }
    let mut resident = 0;
    // Most calls precede a single read and are small: they allocate nothing.
    let (mut few, mut many) = ([0u8; MINCORE_PAGES_FEW], Vec::new());
    let count = MINCORE_PAGES_MAX.min(usize::try_from(pages(&range)?).unwrap_or(usize::MAX));
    let vec = if count <= few.len() {
        &mut few[..]
    } else {
        many.resize(count, 0);
        &mut many[..]
    };
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min((MINCORE_PAGES_MAX * PAGE_BYTES) as u64) as usize;
        resident += mincore_once(fd, at, len, vec)?;
        at += len as u64;
    }
    Ok(resident)
}

fn pages(range: &Range<u64>) -> Result<u64> {
    Ok(range.end.checked_sub(range.start).ok_or(Errno::INVAL)?.div_ceil(PAGE_BYTES as u64))
}

fn mincore_once(fd: BorrowedFd<'_>, at: u64, len: usize, vec: &mut [u8]) -> Result<u64> {
    let count = len.div_ceil(PAGE_BYTES);
    let vec = vec.get_mut(..count).ok_or(Errno::INVAL)?;
    // SAFETY: a null hint lets the kernel pick free addresses; the map is never read through.
    let map = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, fd, at) }?;
    // SAFETY: `map` is a mapping of `len` bytes and `vec` holds a byte for each page of it.
    let r = unsafe { libc::mincore(map, len, vec.as_mut_ptr()) };
    let error = last_errno();
    // SAFETY: mapped above by us, and nothing refers to it.
    let _ = unsafe { munmap(map.cast::<c_void>(), len) };
    if r != 0 {
        return Err(error);
    }
    Ok(vec.iter().map(|b| u64::from(b & 1)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    #[test]
    fn both_calls_agree_on_a_resident_file() {
        let mut f = tempfile::tempfile().unwrap();
        f.write_all(&vec![1; 10 * PAGE_BYTES + 1]).unwrap();
        let end = 10 * PAGE_BYTES as u64 + 1;
        assert_eq!(mincore(f.as_fd(), 0..end), Ok(11));
        assert_eq!(mincore(f.as_fd(), 4096..8192), Ok(1));
        match cachestat(f.as_fd(), 0..end) {
            Ok(stat) => assert_eq!(stat.cached, 11),
            Err(e) => assert_eq!(e, Errno::NOSYS, "skipped: no cachestat on this kernel"),
        }
        assert_eq!(cachestat(f.as_fd(), 5..5), Ok(CacheStat::default()));
        assert_eq!(mincore(f.as_fd(), 1..5), Err(Errno::INVAL));
    }
}
