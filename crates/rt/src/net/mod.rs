//! Sockets on the ring: TCP, UDP and Unix.
//!
//! - [`TcpStream`] and [`UnixStream`]: whole buffers by `recv` and `send_all`; what comes, without
//!   holding a buffer while nothing does, by `received`; [`Io`] for code that wants `AsyncRead`.
//! - [`TcpListener`] and [`UnixListener`]: `accept`, and `incoming` by one operation for all.
//! - [`UdpSocket`]: datagrams, one by one or many at a time; segments of one buffer, and
//!   datagrams of one peer together (`UDP_SEGMENT`, `UDP_GRO`).
//!
//! Where there is no ring, operations are tried at once and again when the socket is ready
//! (`epoll(7)`); the interface is the same.

mod coalesced;
mod incoming;
mod io;
mod listener;
mod offload;
mod received;
mod segments;
mod sending;
mod socket;
mod stream;
mod udp;
mod unix;

pub use coalesced::{Batch, Coalesced, Datagrams};
pub use incoming::Incoming;
pub use io::Io;
pub use listener::{ListenOptions, TcpListener};
pub use offload::OffloadRefused;
pub use received::{Chunk, Received};
#[cfg(feature = "tls")]
pub(crate) use sending::Sending;
pub use stream::TcpStream;
pub use udp::{Datagram, PACKET_BYTES_MAX, Packet, Packets, UdpSocket};
pub use unix::{UnixListener, UnixStream};

/// What has a socket over which bytes flow in order.
pub trait ByteStream: sealed::Sealed {}

pub(crate) mod sealed {
    /// Gives the socket to this crate, and to nobody else.
    pub trait Sealed {
        #[doc(hidden)]
        fn socket(&self) -> &super::socket::Socket;
    }
}

/// The methods that all streams have; each is a call of the same of [`socket::Socket`].
macro_rules! stream_methods {
    ($stream:ident) => {
        impl std::os::fd::AsFd for $stream {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(&self.socket.fd)
            }
        }

        impl crate::net::sealed::Sealed for $stream {
            fn socket(&self) -> &crate::net::socket::Socket {
                &self.socket
            }
        }

        impl crate::net::ByteStream for $stream {}

        impl $stream {
            /// Receives into `buf`, as much as there is and fits; 0 where the peer has ended.
            ///
            /// # Errors
            /// As `recv(2)`.
            pub async fn recv(&self, buf: Vec<u8>) -> crate::fs::BufResult {
                self.socket.recv(buf, 0).await
            }

            /// Fills `buf`; the kernel goes on by itself until it is full. Where the peer ends
            /// before, `buf` is what came.
            ///
            /// # Errors
            /// As `recv(2)`, and [`std::io::ErrorKind::UnexpectedEof`].
            pub async fn recv_exact(&self, buf: Vec<u8>) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.recv_exact(buf).await
            }

            /// What comes, piece by piece, in buffers that the core's connections share: while
            /// nothing comes, none is held.
            #[must_use]
            pub fn received(&self) -> crate::net::Received {
                crate::net::Received::new(self.socket.clone())
            }

            /// Sends all of `buf`. A peer that is gone is an error and no signal.
            ///
            /// # Errors
            /// As `send(2)`.
            pub async fn send_all(&self, buf: Vec<u8>) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.send_all(buf).await
            }

            /// Sends `buf[..len]`: for a buffer that is received into again, and not emptied and
            /// filled for each message.
            ///
            /// # Errors
            /// As `send(2)`; `InvalidInput` where the buffer is shorter.
            pub async fn send_first(
                &self,
                buf: Vec<u8>,
                len: usize,
            ) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.send_part(buf, 0, len).await
            }

            /// Sends all of `bufs`, one after the other, in one operation where they are 1,024
            /// at most (`sendmsg(2)`).
            ///
            /// # Errors
            /// As the call.
            pub async fn send_vectored(
                &self,
                bufs: Vec<Vec<u8>>,
            ) -> (std::io::Result<()>, Vec<Vec<u8>>) {
                self.socket.send_vectored(bufs).await
            }

            /// Ends one direction or both (`shutdown(2)`).
            ///
            /// # Errors
            /// As the call.
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                self.socket.shutdown(how)
            }

            /// Ends what is sent, and waits until the peer has ended too or `limit` is over: what
            /// comes meanwhile is dropped. Closing at once would have the kernel reset the connection where
            /// something was not received, and the peer lose what it was sent.
            ///
            /// # Errors
            /// As `shutdown(2)`; that the peer has gone already is none.
            pub async fn close(self, limit: std::time::Duration) -> std::io::Result<()> {
                self.socket.close(limit).await
            }

            /// Two halves, each of which may go to a task of its own. Both are this stream.
            #[must_use]
            pub fn into_split(self) -> (Self, Self) {
                (Self { socket: self.socket.clone() }, self)
            }

            /// For code that wants `AsyncRead` and `AsyncWrite`.
            #[must_use]
            pub fn into_io(self) -> crate::net::Io<Self> {
                crate::net::Io::new(self)
            }
        }
    };
}
pub(crate) use stream_methods;
