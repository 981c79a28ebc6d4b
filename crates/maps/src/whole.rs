//! The map behind `cutwater::File`: one attempt at a copy, without a promise about the size.
//! For the crates that stand on this one; no part of the interface.

use std::ops::Range;
use std::os::fd::BorrowedFd;

use cutwater_sys::Errno;
use cutwater_sys::map::{CopyError, Map, MapAdvice, MapOptions};

/// Address space that one file may take: a quarter of what x86-64 gives a process. A larger
/// file has no whole map and is read by calls.
const MAP_BYTES_MAX: u64 = 32 << 40;

/// A map of a whole file, as long as the file was when it was made.
#[derive(Debug)]
pub struct WholeMap {
    map: Map,
}

impl WholeMap {
    /// Maps the first `size` bytes of a file, all pages at once where `populate` says so.
    ///
    /// # Errors
    /// `ENODEV` where the file system has no maps, `ENOMEM` without address space.
    pub fn new(fd: BorrowedFd<'_>, size: u64, populate: bool) -> Result<Self, Errno> {
        if size == 0 || size > MAP_BYTES_MAX {
            return Err(Errno::NOMEM);
        }
        let map = Map::new(fd, 0, size as usize, &MapOptions { populate })?;
        Ok(Self { map })
    }

    /// One attempt to copy from the map; may copy less than asked. `size_now` is asked for the size
    /// of the file where the bytes alone do not show that it was not truncated.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for what the map cannot answer for: the caller then calls `pread(2)`.
    pub fn read(
        &self,
        buf: &mut [u8],
        offset: u64,
        size_now: impl FnOnce() -> Result<u64, Errno>,
    ) -> Result<usize, Errno> {
        let left = (self.map.len() as u64).saturating_sub(offset);
        let len = left.min(buf.len() as u64) as usize;
        if len == 0 {
            // Past the map; the file may have grown since.
            return Err(Errno::OPNOTSUPP);
        }
        let n = match self.map.copy_to(offset as usize, &mut buf[..len]) {
            Ok(n) => n,
            Err(CopyError::Fault { copied }) if copied > 0 => copied,
            Err(_) => return Err(Errno::OPNOTSUPP),
        };
        // Between the end of a file and the end of its page a map reads as zero, without a
        // signal. Pages after that fault, so if the file was truncated under the copy, the last
        // byte copied is such a zero: only then is the size worth a system call.
        if buf[n - 1] == 0 {
            let size = size_now()?;
            return Ok(size.saturating_sub(offset).min(n as u64) as usize);
        }
        Ok(n)
    }

    /// Advises the kernel about `range` of the map (`madvise(2)`); what lies past the map is left out.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn advise(&self, range: Range<u64>, advice: MapAdvice) -> Result<(), Errno> {
        let len = self.map.len() as u64;
        let (start, end) = (range.start.min(len) as usize, range.end.min(len) as usize);
        if start >= end { Ok(()) } else { self.map.advise(start..end, advice) }
    }

    /// Unmaps.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unmap(self) -> Result<(), Errno> {
        self.map.unmap().map_err(|(_, errno)| errno)
    }
}
