//! The thread behind an endpoint: it waits for all clients at once with `poll(2)`, so none waits for another.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Registry;
use super::connection::{Connection, Patience};

/// Most clients at once. When one more comes, the one that has not sent its request for the longest time is
/// closed.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// The most clients accepted before the others get a turn, so that each can send its request before
/// a flood closes it.
const ACCEPTED_PER_TURN: usize = 4;
/// The pause after a failed accept (no descriptors left).
const AFTER_FAILURE: Duration = Duration::from_millis(100);

pub(super) struct Server {
    pub(super) listener: TcpListener,
    /// Shut down when the endpoint is dropped.
    pub(super) stop: UnixStream,
    pub(super) registry: Arc<Registry>,
    pub(super) patience: Patience,
    /// The oldest first.
    pub(super) connections: VecDeque<Connection>,
}

impl Server {
    /// Serves until the endpoint is dropped.
    pub(super) fn serve(mut self) {
        // No client is accepted before this moment.
        let mut resume = Instant::now();
        loop {
            let accepts = Instant::now() >= resume;
            let Some([is_stopped, has_client]) = self.wait(accepts, resume) else {
                thread::sleep(AFTER_FAILURE);
                continue;
            };
            if is_stopped {
                return;
            }
            if accepts && has_client && !self.accept() {
                resume = Instant::now() + AFTER_FAILURE;
            }
        }
    }

    /// Waits for work, and serves the clients. Returns whether the endpoint was dropped, and
    /// whether there is another client; `None` if the kernel could not wait.
    fn wait(&mut self, accepts: bool, resume: Instant) -> Option<[bool; 2]> {
        let listen = if accepts { PollFlags::IN } else { PollFlags::empty() };
        let mut fds =
            vec![PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.listener, listen)];
        fds.extend(self.connections.iter().map(|c| PollFd::new(c, c.awaited())));
        let deadlines = self.connections.iter().map(Connection::deadline);
        let first = deadlines.chain((!accepts).then_some(resume)).min();
        let left = first.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let now = Instant::now();
        let mut clients = ready[2..].iter();
        self.connections.retain_mut(|connection| {
            let goes_on = match clients.next() {
                Some(true) => connection.advance(&self.registry, self.patience),
                _ => true,
            };
            goes_on && now < connection.deadline()
        });
        Some([ready[0], ready[1]])
    }

    /// Accepts some clients. False when that failed.
    fn accept(&mut self) -> bool {
        for _ in 0..ACCEPTED_PER_TURN {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                // No descriptors left, or a client that has gone again: one fewer may help.
                Err(_) => {
                    self.close_one();
                    return false;
                }
            };
            if self.connections.len() >= CONNECTIONS_MAX {
                self.close_one();
            }
            let Ok(mut connection) = Connection::new(stream, self.patience) else { continue };
            if connection.advance(&self.registry, self.patience) {
                self.connections.push_back(connection);
            }
        }
        true
    }

    /// Closes the oldest client without a request; if all have sent theirs, the oldest one.
    fn close_one(&mut self) {
        let idle = self.connections.iter().position(Connection::is_asking);
        self.connections.remove(idle.unwrap_or(0));
    }
}
