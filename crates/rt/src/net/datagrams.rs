//! Receiving datagrams by one multishot operation, which is started again when it ends.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cutwater_sys::ring::{DatagramHead, Event, Op, Part};
use rustix::io::Errno;

use super::chunk::Chunk;
use crate::driver::SharedBuffers;
use crate::executor::Core;
use crate::operation::Operations;

/// The bytes of one datagram or several, their head, and their sender.
pub(super) type Arrived = (Chunk, DatagramHead, SocketAddr);

/// The multishot operation of a socket. Dropping it ends the operation.
#[derive(Debug)]
pub(super) struct Multishot {
    many: Option<Operations>,
    buffers: SharedBuffers,
}

impl Multishot {
    /// Receives into `buffers`; nothing is started yet.
    pub(super) fn new(buffers: SharedBuffers) -> Self {
        Self { many: None, buffers }
    }

    /// What comes next. `None` where there can be no such operation now: the caller then receives by
    /// itself.
    ///
    /// # Errors
    /// As `recvmsg(2)`; the next call continues.
    pub(super) async fn next(&mut self, socket: &Arc<OwnedFd>) -> io::Result<Option<Arrived>> {
        loop {
            let Some(many) = self.started(socket) else { return Ok(None) };
            match many.next().await {
                Event::Part(part) => {
                    if let Some(arrived) = arrived(part) {
                        return Ok(Some(arrived));
                    }
                }
                Event::End(outcome) => {
                    self.many = None;
                    match outcome.result {
                        Ok(_) | Err(Errno::INTR | Errno::AGAIN | Errno::CANCELED) => {}
                        // All buffers are in use, or the kernel is older than 6.0.
                        Err(Errno::NOBUFS | Errno::INVAL | Errno::OPNOTSUPP) => return Ok(None),
                        Err(errno) => return Err(errno.into()),
                    }
                }
            }
        }
    }

    /// What has come already, without waiting.
    pub(super) fn try_next(&mut self) -> Option<Arrived> {
        let many = self.many.as_mut()?;
        while many.untaken() > 0 {
            let mut cx = Context::from_waker(Waker::noop());
            let Poll::Ready(Event::Part(part)) = many.poll_next(&mut cx) else { return None };
            if let Some(arrived) = arrived(part) {
                return Some(arrived);
            }
        }
        None
    }

    fn started(&mut self, socket: &Arc<OwnedFd>) -> Option<&mut Operations> {
        if self.many.is_none() {
            let core = Core::current();
            let group = core.driver.borrow_mut().buffers(self.buffers)?;
            let coalesced = matches!(self.buffers, SharedBuffers::Coalesced);
            let op = Op::RecvFromMany { socket: Arc::clone(socket), group, coalesced };
            self.many = Some(Operations::new(core, op));
        }
        self.many.as_mut()
    }
}

fn arrived(part: Part) -> Option<Arrived> {
    Some((Chunk::from_group(part.buf?), part.head, part.head.from?))
}
