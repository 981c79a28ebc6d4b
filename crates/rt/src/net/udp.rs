//! Datagrams.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use cutwater_sys::ring::{DATAGRAM_HEAD_BYTES, Op, Outcome};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::chunk::Chunk;
use super::datagrams::Multishot;
use super::offload::Offload;
use super::socket::until_done;
use crate::driver::{SHARED_BUFFER_BYTES, SharedBuffers};
use crate::operation::{BufResult, Operation, buf_result, operation};

/// The most bytes of a [`Packet`]: a shared buffer without its head (`io_uring_recvmsg_out` and an
/// address).
pub const PACKET_BYTES_MAX: usize = SHARED_BUFFER_BYTES as usize - 144;
const _: () = assert!(PACKET_BYTES_MAX >= SHARED_BUFFER_BYTES as usize - DATAGRAM_HEAD_BYTES);

/// A datagram with its sender or receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The bytes; what did not fit into the buffer is cut off.
    pub bytes: Vec<u8>,
    /// The address of the other end.
    pub peer: SocketAddr,
}

/// A socket for datagrams.
#[derive(Debug, Clone)]
pub struct UdpSocket {
    pub(super) fd: Arc<OwnedFd>,
    pub(super) offload: Arc<Offload>,
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl UdpSocket {
    /// A socket that is bound to `address`.
    ///
    /// # Errors
    /// As `bind(2)`.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(std::net::UdpSocket::bind(address)?.into())
    }

    /// The address of this socket.
    ///
    /// # Errors
    /// As `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(rustix::net::getsockname(&self.fd)?.try_into()?)
    }

    /// Sends to `peer`, and receives from it alone, from now on (`connect(2)`).
    ///
    /// # Errors
    /// As the call.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        Ok(rustix::net::connect(&self.fd, &peer)?)
    }

    /// Receives one datagram into `buf`; what does not fit is lost.
    ///
    /// # Errors
    /// As `recvmsg(2)`; `InvalidInput` once [`UdpSocket::coalesced`] was called.
    pub async fn recv_from(&self, buf: Vec<u8>) -> (io::Result<(usize, SocketAddr)>, Vec<u8>) {
        if let Err(e) = self.offload.may_receive_one() {
            return (Err(e), buf);
        }
        let outcome = until_done(&self.fd, PollFlags::IN, self.to_receive(buf)).await;
        match outcome.op {
            Op::RecvFrom { buf, from, .. } => (received(outcome.result, from), buf),
            _ => (Err(Errno::INVAL.into()), Vec::new()),
        }
    }

    /// Sends `buf` to `to` as one datagram.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    pub async fn send_to(&self, buf: Vec<u8>, to: SocketAddr) -> BufResult {
        let op = Op::SendTo { socket: Arc::clone(&self.fd), buf, to };
        buf_result(until_done(&self.fd, PollFlags::OUT, op).await)
    }

    /// Receives one datagram from the peer that it is connected to.
    ///
    /// # Errors
    /// As `recv(2)`; `ECONNREFUSED` where the peer has no such port; `InvalidInput` once
    /// [`UdpSocket::coalesced`] was called.
    pub async fn recv(&self, buf: Vec<u8>) -> BufResult {
        if let Err(e) = self.offload.may_receive_one() {
            return (Err(e), buf);
        }
        let op = Op::Recv { socket: Arc::clone(&self.fd), buf, at: 0, all: false };
        buf_result(until_done(&self.fd, PollFlags::IN, op).await)
    }

    /// Sends `buf` to the peer that it is connected to.
    ///
    /// # Errors
    /// As `send(2)`.
    pub async fn send(&self, buf: Vec<u8>) -> BufResult {
        let to = buf.len();
        let op = Op::Send { socket: Arc::clone(&self.fd), buf, at: 0, to };
        buf_result(until_done(&self.fd, PollFlags::OUT, op).await)
    }

    /// Sends all of them, given to the kernel together. Returns a result for each, in order, with its
    /// buffer.
    pub async fn send_many(&self, datagrams: Vec<Datagram>) -> Vec<BufResult> {
        let ops = datagrams.into_iter().map(|Datagram { bytes: buf, peer: to }| {
            operation(Op::SendTo { socket: Arc::clone(&self.fd), buf, to })
        });
        let done = all(ops.collect()).await;
        done.into_iter().map(buf_result).collect()
    }

    /// Datagrams as they come, by one multishot operation, in buffers that the core's sockets share.
    /// Those longer than [`PACKET_BYTES_MAX`] are cut off there.
    #[must_use]
    pub fn packets(&self) -> Packets {
        Packets { socket: self.clone(), multishot: Multishot::new(SharedBuffers::Small) }
    }

    fn to_receive(&self, buf: Vec<u8>) -> Op {
        Op::RecvFrom { socket: Arc::clone(&self.fd), buf, from: None }
    }
}

fn received(
    result: Result<u32, Errno>,
    from: Option<SocketAddr>,
) -> io::Result<(usize, SocketAddr)> {
    let peer = from.ok_or_else(|| io::Error::other("the datagram has no sender's address"));
    Ok((result? as usize, peer?))
}

impl From<std::net::UdpSocket> for UdpSocket {
    /// Takes a socket that is bound already, and blocks.
    fn from(socket: std::net::UdpSocket) -> Self {
        Self { fd: Arc::new(socket.into()), offload: Arc::default() }
    }
}

/// Waits for all of them.
async fn all(mut ops: Vec<Operation>) -> Vec<Outcome> {
    let mut done: Vec<Option<Outcome>> = ops.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut left = 0;
        for (op, done) in ops.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            match Pin::new(op).poll(cx) {
                Poll::Ready(outcome) => *done = Some(outcome),
                Poll::Pending => left += 1,
            }
        }
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// A datagram in a buffer that the core's sockets share. Dropping it gives the buffer back.
#[derive(Debug)]
pub struct Packet {
    /// The bytes.
    pub bytes: Chunk,
    /// The sender.
    pub peer: SocketAddr,
}

/// Datagrams as they come. Dropping it ends the operation; datagrams that were not taken are lost.
#[derive(Debug)]
pub struct Packets {
    socket: UdpSocket,
    multishot: Multishot,
}

impl Packets {
    /// The next datagram.
    ///
    /// # Errors
    /// As `recvmsg(2)`; `InvalidInput` once [`UdpSocket::coalesced`] was called.
    pub async fn next(&mut self) -> io::Result<Packet> {
        self.socket.offload.may_receive_one()?;
        match self.multishot.next(&self.socket.fd).await? {
            Some((bytes, _, peer)) => Ok(Packet { bytes, peer }),
            None => self.one().await,
        }
    }

    /// A datagram that has come already, without waiting.
    pub fn try_next(&mut self) -> Option<Packet> {
        let (bytes, _, peer) = self.multishot.try_next()?;
        Some(Packet { bytes, peer })
    }

    async fn one(&self) -> io::Result<Packet> {
        let (received, buf) = self.socket.recv_from(vec![0; PACKET_BYTES_MAX]).await;
        let (n, peer) = received?;
        Ok(Packet { bytes: Chunk::from_vec(buf, n), peer })
    }
}
