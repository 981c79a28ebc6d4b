//! The map behind the path `mmap`: copies that survive a truncation.

use std::ops::Range;
use std::os::fd::BorrowedFd;

use cutwater_sys::Errno;
use cutwater_sys::map::{CopyError, Map, MapAdvice, MapOptions};

use super::open::OpenOptions;
use crate::Pattern;
use crate::source::Source;

/// Address space that one file may take: a quarter of what x86-64 gives a process. A larger
/// file has no whole map and is read by calls.
const MAP_BYTES_MAX: u64 = 32 << 40;

/// A map of a whole file, as long as the file was when it was made.
#[derive(Debug)]
pub(crate) struct FileMap {
    map: Map,
}

impl FileMap {
    pub(crate) fn new(fd: BorrowedFd<'_>, size: u64, options: &OpenOptions) -> Result<Self, Errno> {
        if size == 0 || size > MAP_BYTES_MAX {
            return Err(Errno::NOMEM);
        }
        let map = Map::new(fd, 0, size as usize, &MapOptions { populate: options.populate })?;
        let advice = match options.pattern {
            Pattern::Random | Pattern::Strided => Some(MapAdvice::Random),
            Pattern::Sequential => Some(MapAdvice::Sequential),
            Pattern::Observed => None,
        };
        if let Some(advice) = advice {
            // Advice that is refused costs speed, not bytes.
            let _ = map.advise(0..map.len(), advice);
        }
        Ok(Self { map })
    }

    /// One attempt to copy from the map; what it cannot answer for is refused with `EOPNOTSUPP`
    /// and left to `pread(2)`, which knows the truth.
    pub(crate) fn read<S: Source>(
        &self,
        source: &S,
        buf: &mut [u8],
        offset: u64,
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
            let size = source.size()?;
            return Ok(size.saturating_sub(offset).min(n as u64) as usize);
        }
        Ok(n)
    }

    /// Tells the kernel how `range` of the map will be used; what lies past the map is left out.
    pub(crate) fn advise(&self, range: Range<u64>, advice: MapAdvice) -> Result<(), Errno> {
        let len = self.map.len() as u64;
        let (start, end) = (range.start.min(len) as usize, range.end.min(len) as usize);
        if start >= end { Ok(()) } else { self.map.advise(start..end, advice) }
    }

    pub(crate) fn unmap(self) -> Result<(), Errno> {
        self.map.unmap().map_err(|(_, errno)| errno)
    }
}
