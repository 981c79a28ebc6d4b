//! TCP connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::Op;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::methods::stream_methods;
use super::socket::Socket;
use crate::operation::operation;

/// A connection. Closed when it is dropped and no operation has it any more.
#[derive(Debug, Clone)]
pub struct TcpStream {
    socket: Socket,
}

stream_methods!(TcpStream);

impl TcpStream {
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        Self { socket: Socket::new(Arc::new(fd)) }
    }

    /// Connects to `address`, within `limit`.
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
        let events = PollFlags::OUT;
        let wait = operation(Op::Poll { file: Arc::clone(&socket), events }).within(limit).await;
        match wait.result {
            Ok(_) => sockopt::socket_error(&socket)??,
            Err(Errno::CANCELED) => return Err(io::ErrorKind::TimedOut.into()),
            Err(errno) => return Err(errno.into()),
        }
        // With a socket that does not block, the ring returns an error instead of waiting.
        rustix::io::ioctl_fionbio(&socket, false)?;
        Ok(Self { socket: Socket::new(socket) })
    }

    /// Sends small pieces at once instead of waiting for more (`TCP_NODELAY`).
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_nodelay(&self, yes: bool) -> io::Result<()> {
        Ok(sockopt::set_tcp_nodelay(&self.socket.fd, yes)?)
    }

    /// Probes a silent peer after this time (`SO_KEEPALIVE`, `TCP_KEEPIDLE`); `None` sends no
    /// probes.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        if let Some(after) = after {
            sockopt::set_tcp_keepidle(&self.socket.fd, after)?;
        }
        Ok(sockopt::set_socket_keepalive(&self.socket.fd, after.is_some())?)
    }

    /// How long closing waits until sent bytes are received; 0 resets the connection
    /// (`SO_LINGER`).
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_linger(&self, limit: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.socket.fd, limit)?)
    }

    /// Sizes of the kernel's buffers in bytes (`SO_RCVBUF`, `SO_SNDBUF`). The kernel doubles them, and no
    /// longer adapts them to the connection.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_buffers(&self, receive_bytes: usize, send_bytes: usize) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.socket.fd, receive_bytes)?;
        Ok(sockopt::set_socket_send_buffer_size(&self.socket.fd, send_bytes)?)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// As `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getpeername(&self.socket.fd)?.ok_or(Errno::NOTCONN)?.try_into()?)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getsockname(&self.socket.fd)?.try_into()?)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Takes a connection and sets it to block: here the ring waits, and not the thread.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self::from_fd(stream.into()))
    }
}
