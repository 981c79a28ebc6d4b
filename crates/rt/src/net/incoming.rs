//! Accepting connections.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{Event, Op};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::socket::until_done;
use crate::executor::Core;
use crate::operation::Operations;

/// How long to wait without a free descriptor before accepting again: others are closed meanwhile.
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(20);

/// Connections to a listener, accepted by one operation before they are asked for; 32 at most wait to be
/// taken.
#[derive(Debug)]
pub struct Incoming<S> {
    listener: Arc<OwnedFd>,
    many: Option<Operations>,
    from_fd: fn(OwnedFd) -> S,
}

impl<S> Incoming<S> {
    pub(super) fn new(listener: Arc<OwnedFd>, from_fd: fn(OwnedFd) -> S) -> Self {
        Self { listener, many: None, from_fd }
    }

    /// The next connection. Those that were reset while they waited are skipped; without a free
    /// descriptor it waits a little and tries again.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn next(&mut self) -> io::Result<S> {
        loop {
            if self.many.is_none() {
                let core = Core::current();
                if !core.driver.borrow().has_multishot() {
                    return accept(&self.listener).await.map(self.from_fd);
                }
                let op = Op::AcceptMany { socket: Arc::clone(&self.listener) };
                self.many = Some(Operations::new(core, op));
            }
            let Some(many) = &mut self.many else { continue };
            let (fd, ended) = match many.next().await {
                Event::Part(part) => (part.fd, None),
                Event::End(outcome) => {
                    self.many = None;
                    (outcome.fd, outcome.result.err())
                }
            };
            if let Some(fd) = fd {
                return Ok((self.from_fd)(fd));
            }
            match ended {
                None | Some(Errno::INTR | Errno::CANCELED | Errno::CONNABORTED) => {}
                // The listener was set not to block, the kernel is old, or the ring takes nothing
                // now.
                Some(Errno::AGAIN | Errno::INVAL | Errno::OPNOTSUPP) => {
                    return accept(&self.listener).await.map(self.from_fd);
                }
                Some(Errno::MFILE | Errno::NFILE) => no_descriptors().await,
                Some(errno) => return Err(errno.into()),
            }
        }
    }
}

/// One connection. Without a free descriptor, giving up would leave all later connections without an
/// answer, and trying again at once would keep the core busy.
pub(super) async fn accept(listener: &Arc<OwnedFd>) -> io::Result<OwnedFd> {
    loop {
        let op = Op::Accept { socket: Arc::clone(listener) };
        let outcome = until_done(listener, PollFlags::IN, op).await;
        match (outcome.result, outcome.fd) {
            (Ok(_), Some(fd)) => return Ok(fd),
            (Ok(_), None) => return Err(Errno::BADF.into()),
            (Err(Errno::AGAIN | Errno::CONNABORTED), _) => {}
            (Err(Errno::MFILE | Errno::NFILE), _) => no_descriptors().await,
            (Err(errno), _) => return Err(errno.into()),
        }
    }
}

async fn no_descriptors() {
    tracing::warn!("no descriptors left: accepting is put off");
    crate::time::sleep(NO_DESCRIPTORS_PAUSE).await;
}
