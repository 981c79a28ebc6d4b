//! Writing to a file from a position.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::file::File;

/// Bytes that are written at a time.
const WRITER_BYTES: usize = 128 << 10;

type Write = Pin<Box<dyn Future<Output = (io::Result<()>, Vec<u8>)> + Send>>;

/// Writes to a file from a position: an `AsyncWrite` of Tokio or futures. Bytes are gathered and written
/// 128 KiB at a time. What was not flushed when it is dropped is lost. An error of a write comes with the
/// next write, flush or shutdown.
pub struct Writer {
    file: File,
    position: u64,
    gathered: Vec<u8>,
    spare: Vec<u8>,
    write: Option<Write>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes to `file` from `position`.
    #[must_use]
    pub fn new(file: File, position: u64) -> Self {
        let (gathered, spare) = (Vec::new(), Vec::new());
        Self { file, position, gathered, spare, write: None }
    }

    /// Takes as many of `bytes` as there is room for.
    ///
    /// # Errors
    /// Those of an earlier write, as `pwrite(2)`.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= WRITER_BYTES {
            if self.poll_written(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.begin();
            // This starts the write; its end is asked for with the next.
            if let Poll::Ready(Err(e)) = self.poll_written(cx) {
                return Poll::Ready(Err(e));
            }
        }
        let n = bytes.len().min(WRITER_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    /// Writes all bytes that were taken.
    ///
    /// # Errors
    /// As `pwrite(2)`.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.poll_written(cx)?.is_pending() {
                return Poll::Pending;
            }
            if self.gathered.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.begin();
        }
    }

    fn begin(&mut self) {
        let buf = std::mem::replace(&mut self.gathered, std::mem::take(&mut self.spare));
        let (file, at) = (self.file.clone(), self.position);
        self.position += buf.len() as u64;
        self.write = Some(Box::pin(async move { file.write_all_at(buf, at).await }));
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(write) = &mut self.write else { return Poll::Ready(Ok(())) };
        let Poll::Ready((written, mut buf)) = write.as_mut().poll(cx) else { return Poll::Pending };
        self.write = None;
        buf.clear();
        self.spare = buf;
        Poll::Ready(written)
    }
}
