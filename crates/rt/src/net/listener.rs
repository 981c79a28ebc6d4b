//! Sockets that wait for TCP connections.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::incoming::{Incoming, accept};
use super::stream::TcpStream;

/// Connections that may wait to be accepted, by default; the kernel caps it at
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// How to listen; see [`TcpListener::options`].
#[derive(Debug, Clone)]
pub struct ListenOptions {
    backlog: i32,
    reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: BACKLOG, reuse_port: false }
    }
}

impl ListenOptions {
    /// Connections that may wait to be accepted.
    #[must_use]
    pub fn backlog(mut self, connections: u16) -> Self {
        self.backlog = connections.into();
        self
    }

    /// Shares the port with other listeners that set this; the kernel distributes connections among
    /// them (`SO_REUSEPORT`). So each core can have a listener.
    #[must_use]
    pub fn reuse_port(mut self, yes: bool) -> Self {
        self.reuse_port = yes;
        self
    }

    /// Listens on `address`; where a name has several, on the first that works.
    ///
    /// # Errors
    /// As `bind(2)` and `listen(2)`.
    pub fn bind(&self, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in address.to_socket_addrs()? {
            match self.bind_one(address) {
                Ok(listener) => return Ok(listener),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn bind_one(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket =
            rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if self.reuse_port {
            sockopt::set_socket_reuseport(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, self.backlog)?;
        Ok(TcpListener { socket: Arc::new(socket) })
    }
}

/// A socket that waits for connections.
#[derive(Debug, Clone)]
pub struct TcpListener {
    socket: Arc<OwnedFd>,
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl TcpListener {
    /// Listens on `address`; where a name has several, on the first that works.
    ///
    /// # Errors
    /// As `bind(2)` and `listen(2)`.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::options().bind(address)
    }

    /// Options, to be ended by [`ListenOptions::bind`]: by default a backlog of 4,096, and a port that
    /// is not shared.
    #[must_use]
    pub fn options() -> ListenOptions {
        ListenOptions::default()
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getsockname(&self.socket)?.try_into()?)
    }

    /// The next connection. Connections that were reset while they waited are skipped. Without a free
    /// descriptor it waits a little and tries again, since giving up would leave all later
    /// connections without an answer.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        accept(&self.socket).await.map(TcpStream::from_fd)
    }

    /// All connections, by one multishot operation.
    #[must_use]
    pub fn incoming(&self) -> Incoming<TcpStream> {
        Incoming::new(Arc::clone(&self.socket), TcpStream::from_fd)
    }
}

impl From<std::net::TcpListener> for TcpListener {
    /// Takes a listener that listens already, and blocks.
    fn from(listener: std::net::TcpListener) -> Self {
        Self { socket: Arc::new(listener.into()) }
    }
}
