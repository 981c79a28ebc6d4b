//! Bytes under way to a peer, one operation at a time, for code that polls.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cutwater_sys::ring::Op;
use rustix::io::Errno;

use super::socket::Socket;
use crate::operation::{Operation, operation};

/// Bytes of the buffer that is kept between sends; a connection that is idle holds no more. Four
/// records of TLS fit.
const KEPT_BYTES: usize = 68 << 10;

/// What is being sent.
#[derive(Debug)]
pub(crate) struct Sending {
    socket: Socket,
    under_way: Option<Operation>,
    spare: Vec<u8>,
    failed: Option<Errno>,
}

impl Sending {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, under_way: None, spare: Vec::new(), failed: None }
    }

    /// An empty buffer to be filled and sent.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        let mut buf = std::mem::take(&mut self.spare);
        buf.clear();
        buf
    }

    /// Sends `buf`. What was sent before must have ended ([`Sending::poll_sent`]).
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, buf: Vec<u8>) -> io::Result<()> {
        if buf.is_empty() {
            self.spare = buf;
            return Ok(());
        }
        self.send(buf, 0);
        match self.poll_sent(cx) {
            Poll::Ready(Err(e)) => Err(e),
            _ => Ok(()),
        }
    }

    fn send(&mut self, buf: Vec<u8>, at: usize) {
        let to = buf.len();
        let op = Op::Send { socket: Arc::clone(&self.socket.fd), buf, at, to };
        self.under_way = Some(operation(op));
    }

    /// Waits until all has been sent.
    ///
    /// # Errors
    /// As `send(2)`; from then on always.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(errno) = self.failed {
            return Poll::Ready(Err(errno.into()));
        }
        while let Some(under_way) = &mut self.under_way {
            let Poll::Ready(outcome) = Pin::new(under_way).poll(cx) else { return Poll::Pending };
            self.under_way = None;
            let Op::Send { buf, at, .. } = outcome.op else { continue };
            let at = match outcome.result {
                Ok(n) => at + n as usize,
                Err(Errno::INTR | Errno::AGAIN) => at,
                Err(errno) => {
                    self.failed = Some(errno);
                    return Poll::Ready(Err(errno.into()));
                }
            };
            if at < buf.len() {
                self.send(buf, at);
            } else if buf.capacity() <= KEPT_BYTES {
                self.spare = buf;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until all has been sent, and then ends the sending side.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`; that the peer has gone already is none.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_sent(cx)?.is_pending() {
            return Poll::Pending;
        }
        match self.socket.shutdown(std::net::Shutdown::Write) {
            Err(e) if e.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(e)),
            _ => Poll::Ready(Ok(())),
        }
    }
}
