//! Writes to a file from a position on.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::File;

/// Bytes that are written at a time.
const WRITER_BYTES: usize = 128 << 10;

type Write = Pin<Box<dyn Future<Output = (io::Result<()>, Vec<u8>)> + Send>>;

/// Writes to a file from a position on: an `AsyncWrite` of Tokio or futures. Bytes are gathered and
/// written 128 KiB at a time: what was not flushed when it is dropped is lost, and an error of a write
/// comes with the next one, flush or shutdown.
pub struct Writer {
    file: File,
    position: u64,
    gathered: Vec<u8>,
    spare: Vec<u8>,
    under_way: Option<Write>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes to `file` from `position` on.
    #[must_use]
    pub fn new(file: File, position: u64) -> Self {
        let (gathered, spare) = (Vec::new(), Vec::new());
        Self { file, position, gathered, spare, under_way: None }
    }

    /// Takes over as many of `bytes` as there is room for.
    ///
    /// # Errors
    /// Of an earlier write, as `pwrite(2)`.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= WRITER_BYTES {
            if self.poll_written(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.begin();
            // It is under way from now on; its end is asked for with the next.
            if let Poll::Ready(Err(e)) = self.poll_written(cx) {
                return Poll::Ready(Err(e));
            }
        }
        let n = bytes.len().min(WRITER_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    /// Writes all that was taken over.
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
        self.under_way = Some(Box::pin(async move { file.write_all_at(buf, at).await }));
    }

    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(write) = &mut self.under_way else { return Poll::Ready(Ok(())) };
        let Poll::Ready((written, mut buf)) = write.as_mut().poll(cx) else { return Poll::Pending };
        self.under_way = None;
        buf.clear();
        self.spare = buf;
        Poll::Ready(written)
    }
}
