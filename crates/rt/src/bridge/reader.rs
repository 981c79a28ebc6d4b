//! Reading a file from a position.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::file::File;

/// Bytes that are read at a time.
const READER_BYTES: usize = 128 << 10;

type Read = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)> + Send>>;

/// Reads a file from its start: an `AsyncRead` and `AsyncSeek` of Tokio or futures.
pub struct Reader {
    file: File,
    position: u64,
    read: Option<Read>,
    /// Bytes read and not yet taken.
    held: Vec<u8>,
    held_from: usize,
    held_to: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads `file` from its start.
    #[must_use]
    pub fn new(file: File) -> Self {
        let held = Vec::new();
        Self { file, position: 0, read: None, held, held_from: 0, held_to: 0 }
    }

    /// Calls `take` with the next bytes; it returns how many it took. At the end of the file the result is 0
    /// and `take` is not called.
    ///
    /// # Errors
    /// As `pread(2)`.
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        while self.held_from == self.held_to {
            let read = self.read.get_or_insert_with(|| {
                let (file, at) = (self.file.clone(), self.position);
                let mut buf = std::mem::take(&mut self.held);
                buf.resize(READER_BYTES, 0);
                Box::pin(async move { file.read_at(buf, at).await })
            });
            let Poll::Ready((read, buf)) = read.as_mut().poll(cx) else { return Poll::Pending };
            self.read = None;
            self.held = buf;
            let n = read?;
            if n == 0 {
                return Poll::Ready(Ok(0));
            }
            (self.held_from, self.held_to) = (0, n);
            self.position += n as u64;
        }
        let held = &self.held[self.held_from..self.held_to];
        let taken = take(held).min(held.len());
        self.held_from += taken;
        Poll::Ready(Ok(taken))
    }

    /// The offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position - (self.held_to - self.held_from) as u64
    }

    /// Moves to another position and returns it.
    ///
    /// # Errors
    /// As `fstat(2)` for positions counted from the end; `InvalidInput` for one before the start.
    pub fn seek_to(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let target = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => self.position().checked_add_signed(by),
            io::SeekFrom::End(by) => self.file.size()?.checked_add_signed(by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the start");
        self.position = target.ok_or_else(before)?;
        // What was read ahead is from elsewhere; a read in flight is dropped with its buffer.
        (self.held_from, self.held_to, self.read) = (0, 0, None);
        Ok(self.position)
    }
}
