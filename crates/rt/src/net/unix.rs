//! Unix sockets: connections within the machine (`unix(7)`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::incoming::{Incoming, accept};
use super::methods::stream_methods;
use super::socket::Socket;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Attempts with a full backlog, a millisecond apart, before it is an error.
const FULL_MAX: u32 = 1000;

fn socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// A socket that waits for connections.
#[derive(Debug, Clone)]
pub struct UnixListener {
    socket: Arc<OwnedFd>,
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl UnixListener {
    /// Listens on `path`, which must not exist yet and is not removed when this is dropped.
    ///
    /// # Errors
    /// As `bind(2)` and `listen(2)`.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = socket(SocketFlags::empty())?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path.as_ref())?)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Self { socket: Arc::new(socket) })
    }

    /// The next connection; see [`super::TcpListener::accept`].
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        accept(&self.socket).await.map(UnixStream::from_fd)
    }

    /// All connections, by one multishot operation.
    #[must_use]
    pub fn incoming(&self) -> Incoming<UnixStream> {
        Incoming::new(Arc::clone(&self.socket), UnixStream::from_fd)
    }
}

/// A connection. Closed when it is dropped and no operation has it any more.
#[derive(Debug, Clone)]
pub struct UnixStream {
    socket: Socket,
}

stream_methods!(UnixStream);

impl UnixStream {
    fn from_fd(fd: OwnedFd) -> Self {
        Self { socket: Socket::new(Arc::new(fd)) }
    }

    /// Connects to `path`. While the listener's backlog is full, it tries again for a second.
    ///
    /// # Errors
    /// As `connect(2)`.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path.as_ref())?;
        let socket = socket(SocketFlags::NONBLOCK)?;
        let mut refusals = 0;
        loop {
            match rustix::net::connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if refusals < FULL_MAX => {
                    refusals += 1;
                    crate::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        rustix::io::ioctl_fionbio(&socket, false)?;
        Ok(Self::from_fd(socket))
    }

    /// Two streams that are connected to each other (`socketpair(2)`).
    ///
    /// # Errors
    /// As the call.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self::from_fd(one), Self::from_fd(other)))
    }
}
