//! Sending, one operation at a time, for code that polls.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cutwater_sys::ring::Op;
use rustix::io::Errno;

use super::socket::Socket;
use crate::operation::{Operation, operation};

/// The largest buffer that is kept between sends; an idle connection holds no more. Four records of
/// TLS fit.
const KEPT_BYTES: usize = 68 << 10;

/// The send in flight, and the buffer for the next.
#[derive(Debug)]
pub(crate) struct Sending {
    socket: Socket,
    in_flight: Option<Operation>,
    spare: Vec<u8>,
    failed: Option<Errno>,
}

impl Sending {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, in_flight: None, spare: Vec::new(), failed: None }
    }

    /// An empty buffer to fill and send.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        let mut buf = std::mem::take(&mut self.spare);
        buf.clear();
        buf
    }

    /// Sends `buf`. The send before must have ended ([`Sending::poll_sent`]).
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
        self.in_flight = Some(operation(op));
    }

    /// Waits until all has been sent.
    ///
    /// # Errors
    /// As `send(2)`; from then on always.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(errno) = self.failed {
            return Poll::Ready(Err(errno.into()));
        }
        while let Some(operation) = &mut self.in_flight {
            let Poll::Ready(outcome) = Pin::new(operation).poll(cx) else { return Poll::Pending };
            self.in_flight = None;
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

    /// Waits until all has been sent, and then shuts down sending.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`. A peer that is gone already is not an error.
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
