//! A stream for code that polls with a buffer of its own: `futures`, Tokio, hyper.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cutwater_sys::ring::Op;
use rustix::io::Errno;

use super::{ByteStream, Chunk, Received};
use crate::driver::Operation;
use crate::executor::Core;

/// Bytes that are taken over from a writer at a time, so that it can go on while they are sent.
const WRITE_BYTES_MAX: usize = 256 << 10;

/// Bytes of the buffer that is kept between writes; a connection that is idle holds no more.
const KEPT_BYTES: usize = 16 << 10;

/// A stream with `poll_read`, `poll_write`, `poll_flush` and `poll_shutdown`.
///
/// What is written is copied and sent while the writer goes on; an error of a send comes with the
/// next write, flush or shutdown. Reads are copies out of the received pieces.
pub struct Io<S> {
    stream: S,
    received: Received,
    chunk: Option<Chunk>,
    sending: Option<Operation>,
    /// For the next send.
    spare: Vec<u8>,
    failed: Option<Errno>,
}

impl<S> fmt::Debug for Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("sending", &self.sending.is_some()).finish_non_exhaustive()
    }
}

/// No part of it is pinned.
impl<S> Unpin for Io<S> {}

impl<S: ByteStream> Io<S> {
    pub(super) fn new(stream: S) -> Self {
        let received = Received::new(stream.socket().clone());
        Self { stream, received, chunk: None, sending: None, spare: Vec::new(), failed: None }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Calls `take` with received bytes; it says how many it took. Nothing where the peer has
    /// ended.
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

    /// Takes bytes over to be sent, once what was taken before has been; how many.
    ///
    /// # Errors
    /// Of an earlier send, as `send(2)`.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.poll_sent(cx)?.is_pending() {
            return Poll::Pending;
        }
        let mut buf = std::mem::take(&mut self.spare);
        buf.clear();
        for piece in pieces {
            buf.extend_from_slice(&piece[..piece.len().min(WRITE_BYTES_MAX - buf.len())]);
        }
        let n = buf.len();
        if n == 0 {
            self.spare = buf;
            return Poll::Ready(Ok(0));
        }
        let socket = Arc::clone(&self.stream.socket().fd);
        self.sending = Some(Operation::new(Core::current(), Op::Send { socket, buf, at: 0 }));
        // Begins it.
        match self.poll_sent(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            _ => Poll::Ready(Ok(n)),
        }
    }

    /// Waits until all that was taken over has been sent.
    ///
    /// # Errors
    /// As `send(2)`.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(errno) = self.failed {
            return Poll::Ready(Err(errno.into()));
        }
        while let Some(sending) = &mut self.sending {
            let Poll::Ready(outcome) = Pin::new(sending).poll(cx) else { return Poll::Pending };
            self.sending = None;
            let Op::Send { socket, buf, at } = outcome.op else { continue };
            let at = match outcome.result {
                Ok(0) if at < buf.len() => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Ok(n) => at + n as usize,
                Err(Errno::INTR | Errno::AGAIN) => at,
                Err(errno) => {
                    self.failed = Some(errno);
                    return Poll::Ready(Err(errno.into()));
                }
            };
            if at < buf.len() {
                let op = Op::Send { socket, buf, at };
                self.sending = Some(Operation::new(Core::current(), op));
            } else if buf.capacity() <= KEPT_BYTES {
                self.spare = buf;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is left, and then ends the sending side.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`; that the peer has gone already is none.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_sent(cx)?.is_pending() {
            return Poll::Pending;
        }
        match self.stream.socket().shutdown(std::net::Shutdown::Write) {
            Err(e) if e.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(e)),
            _ => Poll::Ready(Ok(())),
        }
    }
}
