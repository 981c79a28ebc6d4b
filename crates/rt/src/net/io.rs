//! A stream for code that polls with its own buffer: `futures`, Tokio, hyper.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use super::byte_stream::ByteStream;
use super::chunk::Chunk;
use super::received::Received;
use super::sending::Sending;

/// Bytes that are taken from a writer at a time, so that it can go on while they are sent.
const WRITE_BYTES_MAX: usize = 256 << 10;

/// A stream with `poll_read`, `poll_write`, `poll_flush` and `poll_shutdown`.
///
/// What is written is copied, and sent while the writer goes on. An error of a send comes with the next
/// write, flush or shutdown. Reads are copies of the received pieces.
pub struct Io<S> {
    stream: S,
    received: Received,
    chunk: Option<Chunk>,
    sending: Sending,
}

impl<S> fmt::Debug for Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("sending", &self.sending).finish_non_exhaustive()
    }
}

/// No part of it is pinned.
impl<S> Unpin for Io<S> {}

impl<S: ByteStream> Io<S> {
    pub(super) fn new(stream: S) -> Self {
        let received = Received::new(stream.socket().clone());
        let sending = Sending::new(stream.socket().clone());
        Self { stream, received, chunk: None, sending }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Calls `take` with received bytes; it returns how many it took. Once the peer has shut down, the result
    /// is 0 and `take` is not called.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        while self.chunk.is_none() {
            match self.received.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(Some(chunk))) => self.chunk = Some(chunk),
            }
        }
        let Some(chunk) = &mut self.chunk else { return Poll::Ready(Ok(0)) };
        let taken = take(chunk).min(chunk.len());
        chunk.advance(taken);
        if chunk.is_empty()
            && let Some(chunk) = self.chunk.take()
        {
            self.received.recycle(chunk);
        }
        Poll::Ready(Ok(taken))
    }

    /// Takes bytes to be sent, once the bytes before them have been sent; returns how many.
    ///
    /// # Errors
    /// Those of an earlier send, as `send(2)`.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.sending.poll_sent(cx)?.is_pending() {
            return Poll::Pending;
        }
        let mut buf = self.sending.spare();
        for piece in pieces {
            buf.extend_from_slice(&piece[..piece.len().min(WRITE_BYTES_MAX - buf.len())]);
        }
        let n = buf.len();
        Poll::Ready(self.sending.begin(cx, buf).map(|()| n))
    }

    /// Waits until all bytes that were taken have been sent.
    ///
    /// # Errors
    /// As `send(2)`.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sending.poll_sent(cx)
    }

    /// Sends what is left, and then shuts down sending.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`. A peer that is gone already is not an error.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sending.poll_end(cx)
    }
}
