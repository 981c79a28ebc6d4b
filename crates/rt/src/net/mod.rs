//! Sockets on the ring: TCP, UDP and Unix.
//!
//! - [`TcpStream`] and [`UnixStream`]: `recv` and `send_all` of whole buffers; `received`, which holds no
//!   buffer while nothing comes; [`Io`] for code that wants `AsyncRead`.
//! - [`TcpListener`] and [`UnixListener`]: `accept`, and `incoming` by one operation for all.
//! - [`UdpSocket`]: datagrams, one by one or many at a time; one buffer as many datagrams, and datagrams
//!   of one peer together (`UDP_SEGMENT`, `UDP_GRO`).
//!
//! Without a ring, operations are tried at once, and again when the socket is ready (`epoll(7)`). The
//! interface is the same.

mod byte_stream;
mod chunk;
mod coalesced;
mod datagrams;
mod incoming;
mod io;
mod listener;
mod methods;
mod offload;
mod received;
mod segments;
mod sending;
mod socket;
mod stream;
mod udp;
mod unix;

pub use byte_stream::ByteStream;
pub use chunk::Chunk;
pub use coalesced::{Batch, Coalesced, Datagrams};
pub use incoming::Incoming;
pub use io::Io;
pub use listener::{ListenOptions, TcpListener};
pub use offload::OffloadRefused;
pub use received::Received;
#[cfg(feature = "tls")]
pub(crate) use sending::Sending;
pub use stream::TcpStream;
pub use udp::{Datagram, PACKET_BYTES_MAX, Packet, Packets, UdpSocket};
pub use unix::{UnixListener, UnixStream};
