//! TCP on the ring: one operation for each accept, receive and send.
//!
//! Where there is no ring each waits on a thread of the pool, so that as many can wait at a time
//! as the pool has threads.

use std::io;
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::Op;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::executor::operation;
use crate::fs::{ATTEMPTS_MAX, BufResult};

/// How long to wait with no descriptors left before accepting again: others are closed meanwhile.
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(20);

/// A socket that waits for connections.
#[derive(Debug)]
pub struct TcpListener {
    socket: Arc<OwnedFd>,
}

impl TcpListener {
    /// Listens on `address`; on the first that can be had, where it is several.
    ///
    /// # Errors
    /// As `bind(2)` and `listen(2)`.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind(address)?;
        Ok(Self { socket: Arc::new(socket.into()) })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        std::net::TcpListener::from(self.socket.try_clone()?).local_addr()
    }

    /// The next connection. Connections that were reset while they waited are passed over; with
    /// no descriptors left it waits a little and tries again, since giving up would leave all
    /// that come later without an answer.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        loop {
            let outcome = operation(Op::Accept { socket: Arc::clone(&self.socket) }).await;
            match (outcome.result, outcome.fd) {
                (Ok(_), Some(fd)) => return Ok(TcpStream { socket: Arc::new(fd) }),
                (Ok(_), None) => return Err(Errno::BADF.into()),
                (Err(Errno::INTR | Errno::AGAIN | Errno::CONNABORTED), _) => {}
                (Err(Errno::MFILE | Errno::NFILE), _) => {
                    tracing::warn!("no descriptors left: accepting is put off");
                    crate::time::sleep(NO_DESCRIPTORS_PAUSE).await;
                }
                (Err(errno), _) => return Err(errno.into()),
            }
        }
    }
}

impl From<std::net::TcpListener> for TcpListener {
    /// One that listens already, and blocks.
    fn from(listener: std::net::TcpListener) -> Self {
        Self { socket: Arc::new(listener.into()) }
    }
}

/// A connection. Closed when dropped, once no operation has it any more.
#[derive(Debug, Clone)]
pub struct TcpStream {
    socket: Arc<OwnedFd>,
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl TcpStream {
    /// Connects to `address`, but does not try for longer than `limit`.
    ///
    /// # Errors
    /// As `connect(2)`, and [`io::ErrorKind::TimedOut`].
    pub async fn connect(address: SocketAddr, limit: Duration) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let socket = Arc::new(socket);
        let events = PollFlags::OUT.bits();
        let wait = operation(Op::Poll { file: Arc::clone(&socket), events }).within(limit).await;
        match wait.result {
            Ok(_) => rustix::net::sockopt::socket_error(&socket)??,
            Err(Errno::CANCELED) => return Err(io::ErrorKind::TimedOut.into()),
            Err(errno) => return Err(errno.into()),
        }
        // A pool's calls are to wait.
        rustix::io::ioctl_fionbio(&socket, false)?;
        Ok(Self { socket })
    }

    /// Receives into `buf`, as much as there is and fits; 0 where the peer has ended.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub async fn recv(&self, mut buf: Vec<u8>) -> BufResult {
        for _ in 0..ATTEMPTS_MAX {
            let op = Op::Recv { socket: Arc::clone(&self.socket), buf, at: 0, all: false };
            let mut outcome = operation(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
        (Err(Errno::AGAIN.into()), buf)
    }

    /// Fills `buf`.
    ///
    /// # Errors
    /// As `recv(2)`, and [`io::ErrorKind::UnexpectedEof`].
    pub async fn recv_exact(&self, mut buf: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let mut whole = Vec::new();
        let wanted = buf.len();
        while whole.len() < wanted {
            buf.truncate(wanted - whole.len());
            let (received, back) = self.recv(buf).await;
            buf = back;
            match received {
                Ok(0) => return (Err(io::ErrorKind::UnexpectedEof.into()), whole),
                // Mostly it comes at once, and is not copied.
                Ok(n) if n == wanted && whole.is_empty() => return (Ok(()), buf),
                Ok(n) => whole.extend_from_slice(&buf[..n]),
                Err(e) => return (Err(e), whole),
            }
        }
        (Ok(()), whole)
    }

    /// Sends all of `buf`. A peer that is gone is an error and no signal.
    ///
    /// # Errors
    /// As `send(2)`.
    pub async fn send_all(&self, mut buf: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let (mut at, mut refusals) = (0, 0);
        while at < buf.len() {
            let op = Op::Send { socket: Arc::clone(&self.socket), buf, at };
            let mut outcome = operation(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(n) => at += n as usize,
                Err(Errno::INTR | Errno::AGAIN) if refusals < ATTEMPTS_MAX => refusals += 1,
                Err(errno) => return (Err(errno.into()), buf),
            }
        }
        (Ok(()), buf)
    }

    /// Ends one direction or both (`shutdown(2)`).
    ///
    /// # Errors
    /// As the call.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        std::net::TcpStream::from(self.socket.try_clone()?).shutdown(how)
    }

    /// Sends small pieces at once instead of waiting for more (`TCP_NODELAY`).
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_nodelay(&self, yes: bool) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_tcp_nodelay(&self.socket, yes)?)
    }

    /// The other end.
    ///
    /// # Errors
    /// As `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        std::net::TcpStream::from(self.socket.try_clone()?).peer_addr()
    }
}
