//! Reads past the page cache (`O_DIRECT`): on a grid that the device dictates, into buffers
//! that lie on it.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, StatxFlags};

use super::File;

/// The grid where the kernel does not tell it (before Linux 6.1): no device has a coarser one.
const GRID_DEFAULT: usize = 4096;

/// The longest read: what is longer is the caller's to cut, as it takes a buffer of its size.
const DIRECT_BYTES_MAX: usize = 1 << 30;

/// Where direct reads may go, in bytes; powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Of addresses in memory.
    pub memory: usize,
    /// Of offsets and lengths in the file.
    pub offset: usize,
}

impl Grid {
    /// Of a file (`statx(2)` with `STATX_DIOALIGN`), or 4,096 bytes where it is not told.
    pub(super) fn of(fd: BorrowedFd<'_>) -> Self {
        let stat = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN);
        let told = stat.ok().filter(|s| s.stx_mask & StatxFlags::DIOALIGN.bits() != 0);
        let (memory, offset) =
            told.map_or((0, 0), |s| (s.stx_dio_mem_align, s.stx_dio_offset_align));
        let known = |n: u32| usize::try_from(n).ok().filter(|n| n.is_power_of_two());
        match (known(memory), known(offset)) {
            (Some(memory), Some(offset)) => Self { memory, offset },
            _ => Self { memory: GRID_DEFAULT, offset: GRID_DEFAULT },
        }
    }
}

/// Bytes that were read past the page cache. Given to [`File::read_direct_into`] again, its memory
/// is used again.
#[derive(Debug, Default)]
pub struct DirectBuf {
    memory: Vec<u8>,
    from: usize,
    to: usize,
}

impl Deref for DirectBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(self.from..self.to).unwrap_or_default()
    }
}

impl DirectBuf {
    /// Makes room for `len` bytes at an address on `grid`; where they begin.
    fn fit(&mut self, len: usize, grid: usize) -> usize {
        // Whatever the address is, one on the grid is less than a grid away.
        let room = len + grid - 1;
        (self.from, self.to) = (0, 0);
        if self.memory.capacity() < room {
            self.memory = vec![0; room];
        }
        let at = self.memory.as_ptr().addr().wrapping_neg() & (grid - 1);
        // Within the capacity, so the address stays.
        self.memory.resize(at + len, 0);
        at
    }
}

impl File {
    /// The grid on which direct reads of this file lie. [`File::read_direct`] takes care of it.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let grid = self.grid.get().unwrap_or_else(|| Grid::of(self.as_fd()));
        self.grid.set(Some(grid));
        grid
    }

    /// Reads `len` bytes from `offset` on, fewer at the end of the file, for files that were opened
    /// with [`super::OpenOptions::direct`]: any offset and length will do, as what lies between them
    /// and the grid is read too. Of other files it reads through the page cache.
    ///
    /// # Errors
    /// As `pread(2)`; `InvalidInput` for more than 1 GiB.
    pub async fn read_direct(&self, offset: u64, len: usize) -> io::Result<DirectBuf> {
        let (read, buf) = self.read_direct_into(DirectBuf::default(), offset, len).await;
        read.map(|()| buf)
    }

    /// The same into a buffer that was used before; it comes back also with an error, and has
    /// then no bytes.
    ///
    /// # Errors
    /// As [`File::read_direct`].
    pub async fn read_direct_into(
        &self,
        mut buf: DirectBuf,
        offset: u64,
        len: usize,
    ) -> (io::Result<()>, DirectBuf) {
        let grid = self.grid();
        let lead = (offset % grid.offset as u64) as usize;
        if len > DIRECT_BYTES_MAX {
            let what = format!("a direct read of {len} bytes; {DIRECT_BYTES_MAX} are the most");
            return (Err(io::Error::new(io::ErrorKind::InvalidInput, what)), buf);
        }
        let span = (lead + len).next_multiple_of(grid.offset);
        let at = buf.fit(span, grid.memory);
        let read = self.fill(&mut buf.memory, at, offset - lead as u64, grid.offset).await;
        let read = read.map(|n| {
            (buf.from, buf.to) = (at + lead.min(n), at + n.min(lead + len));
            buf.to = buf.to.max(buf.from);
        });
        (read, buf)
    }

    /// Fills `memory[at..]`; how many bytes, fewer at the end of the file.
    async fn fill(
        &self,
        memory: &mut Vec<u8>,
        at: usize,
        offset: u64,
        grid: usize,
    ) -> io::Result<usize> {
        let mut done = 0;
        while at + done < memory.len() {
            let given = std::mem::take(memory);
            let (read, back) =
                self.read_from(given, at + done, offset.saturating_add(done as u64)).await;
            *memory = back;
            let n = read?;
            done += n;
            // The end of the file is the one place where a direct read stops off the grid.
            if n == 0 || (self.direct && n % grid != 0) {
                break;
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_lie_on_the_grid_and_are_used_again() {
        let mut buf = DirectBuf::default();
        let at = buf.fit(8192, 4096);
        let address = buf.memory.as_ptr().addr();
        for len in [8192, 512, 4096, 8192] {
            let again = buf.fit(len, 4096);
            assert_eq!((again, buf.memory.as_ptr().addr()), (at, address));
            assert_eq!((address + again) % 4096, 0);
            assert_eq!(buf.memory.len(), again + len);
        }
        assert!(buf.is_empty());
    }
}
