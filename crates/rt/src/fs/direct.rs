//! Direct reads (`O_DIRECT`), which bypass the page cache: on a grid that the device dictates, into
//! buffers that lie on it.

use std::io;
use std::ops::Deref;

use super::file::File;
use super::submit::Submit;

/// The longest read, as it takes a buffer of its size. The caller divides longer ones.
const DIRECT_BYTES_MAX: usize = 1 << 30;

/// Bytes of a direct read. [`File::read_direct_into`] reuses its memory.
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
        // From any address, the next one on the grid is less than a grid away.
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

impl<S: Submit> File<S> {
    /// Reads `len` bytes from `offset` on, fewer at the end of the file, of a file that was opened with
    /// [`super::OpenOptions::direct`]. Any offset and length will do: the read is widened to the grid.
    /// Other files are read through the page cache.
    ///
    /// # Errors
    /// As `pread(2)`; `InvalidInput` for more than 1 GiB.
    pub async fn read_direct(&self, offset: u64, len: usize) -> io::Result<DirectBuf> {
        let (read, buf) = self.read_direct_into(DirectBuf::default(), offset, len).await;
        read.map(|()| buf)
    }

    /// The same into a buffer that was used before. With an error it comes back empty.
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
            // Only at the end of the file does a direct read stop off the grid.
            if n == 0 || (self.is_direct() && n % grid != 0) {
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
