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

use super::socket::Socket;
use super::stream_methods;
use crate::operation::operation;

/// A connection. Closed when dropped, once no operation has it any more.
#[derive(Debug, Clone)]
pub struct TcpStream {
    socket: Socket,
}

stream_methods!(TcpStream);

impl TcpStream {
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        Self { socket: Socket::new(Arc::new(fd)) }
    }

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
        let events = PollFlags::OUT;
        let wait = operation(Op::Poll { file: Arc::clone(&socket), events }).within(limit).await;
        match wait.result {
            Ok(_) => sockopt::socket_error(&socket)??,
            Err(Errno::CANCELED) => return Err(io::ErrorKind::TimedOut.into()),
            Err(errno) => return Err(errno.into()),
        }
        // The ring gives an error at once for sockets that are not to block.
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

    /// Asks a silent peer whether it is still there, after so long (`SO_KEEPALIVE`,
    /// `TCP_KEEPIDLE`); `None` does not.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        if let Some(after) = after {
            sockopt::set_tcp_keepidle(&self.socket.fd, after)?;
        }
        Ok(sockopt::set_socket_keepalive(&self.socket.fd, after.is_some())?)
    }

    /// How long closing waits for what was sent and not received; 0 resets the connection
    /// (`SO_LINGER`).
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_linger(&self, limit: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.socket.fd, limit)?)
    }

    /// Bytes of the kernel's buffers (`SO_RCVBUF`, `SO_SNDBUF`), which it doubles; it then no
    /// longer fits them to the connection by itself.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_buffers(&self, receive_bytes: usize, send_bytes: usize) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.socket.fd, receive_bytes)?;
        Ok(sockopt::set_socket_send_buffer_size(&self.socket.fd, send_bytes)?)
    }

    /// The other end.
    ///
    /// # Errors
    /// As `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getpeername(&self.socket.fd)?.ok_or(Errno::NOTCONN)?.try_into()?)
    }

    /// This end.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getsockname(&self.socket.fd)?.try_into()?)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// One that is connected already; it is set to block, which here only says who waits.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self::from_fd(stream.into()))
    }
}
