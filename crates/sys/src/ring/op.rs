//! Operations of any kind, each with all memory that the kernel may touch while it is in flight.

use std::ffi::CString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, ResolveFlags};

use super::group::{GroupBuf, GroupId};
use crate::Result;
use crate::io::datagram::DatagramHead;

/// The offset that means the file's own position: for sockets and pipes, which have no offsets, and for
/// files opened with `O_APPEND`.
pub const NO_OFFSET: u64 = u64::MAX;

/// Events as the kernel's bits; the type of rustix differs between its backends.
#[must_use]
pub fn poll_bits(events: PollFlags) -> u16 {
    u16::from_ne_bytes(events.bits().to_ne_bytes())
}

/// An operation. It owns its buffer and keeps its descriptors open; both come back with its
/// [`Outcome`] and not before.
///
/// Fields have the names of the calls' parameters; `at` is the offset in the buffer.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // of the fields: see above
pub enum Op {
    /// Nothing: measures what an operation costs by itself.
    Nop,
    /// `pread(2)` into `buf[at..]`.
    Read { file: Arc<OwnedFd>, buf: Vec<u8>, at: usize, offset: u64 },
    /// `pwrite(2)` of `buf[at..]`.
    Write { file: Arc<OwnedFd>, buf: Vec<u8>, at: usize, offset: u64 },
    /// `pwritev2(2)` of `buf[at..]` with `RWF_DSYNC`: the bytes survive a loss of power.
    WriteSynced { file: Arc<OwnedFd>, buf: Vec<u8>, at: usize, offset: u64 },
    /// `fdatasync(2)`, or `fsync(2)`.
    Sync { file: Arc<OwnedFd>, data_only: bool },
    /// `openat2(2)`, below `dir` or the working directory.
    Open {
        dir: Option<Arc<OwnedFd>>,
        path: CString,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    },
    /// `fallocate(2)`.
    Allocate { file: Arc<OwnedFd>, mode: FallocateFlags, offset: u64, len: u64 },
    /// `renameat2(2)`.
    Rename { from: CString, to: CString },
    /// `unlinkat(2)`.
    Unlink { path: CString, flags: AtFlags },
    /// `mkdirat(2)`.
    Mkdir { path: CString, mode: Mode },
    /// `poll(2)` for `events`, once.
    Poll { file: Arc<OwnedFd>, events: PollFlags },
    /// `accept4(2)` with `SOCK_CLOEXEC`.
    Accept { socket: Arc<OwnedFd> },
    /// `accept4(2)` of one connection after another; each comes as a part.
    AcceptMany { socket: Arc<OwnedFd> },
    /// `recv(2)` into `buf[at..]`; with `all`, until it is full or the peer has ended
    /// (`MSG_WAITALL`).
    Recv { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, all: bool },
    /// `recv(2)` of all that comes, into buffers of a group; each comes as a part.
    RecvMany { socket: Arc<OwnedFd>, group: GroupId },
    /// `send(2)` of `buf[at..to]` without SIGPIPE; on a stream, of all of it.
    Send { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, to: usize },
    /// The same without a copy, where the device can. It ends when the kernel releases the bytes;
    /// `copied` says that it made a copy after all.
    SendZeroCopy { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, to: usize, copied: bool },
    /// `sendmsg(2)` of pieces one after another, 1,024 at most.
    SendVectored { socket: Arc<OwnedFd>, bufs: Vec<Vec<u8>> },
    /// `recvmsg(2)` of one datagram into `buf`; `from` is its sender.
    RecvFrom { socket: Arc<OwnedFd>, buf: Vec<u8>, from: Option<SocketAddr> },
    /// `recvmsg(2)` of one datagram after another, into buffers of a group; each comes as a part. The
    /// first [`super::DATAGRAM_HEAD_BYTES`] of a buffer hold the head. With `coalesced`, as
    /// [`Op::RecvSegments`].
    RecvFromMany { socket: Arc<OwnedFd>, group: GroupId, coalesced: bool },
    /// `sendmsg(2)` of one datagram.
    SendTo { socket: Arc<OwnedFd>, buf: Vec<u8>, to: SocketAddr },
    /// `sendmsg(2)` of `buf[at..end]` as datagrams of `segment` bytes, the last perhaps shorter
    /// (`UDP_SEGMENT`), or as one with a segment of 0. It sends to the connected peer where `to` is none.
    SendSegments {
        socket: Arc<OwnedFd>,
        buf: Vec<u8>,
        at: usize,
        end: usize,
        segment: u16,
        to: Option<SocketAddr>,
    },
    /// `recvmsg(2)` into `buf` of one datagram, or of several of one peer after
    /// [`crate::udp::coalesce`].
    RecvSegments { socket: Arc<OwnedFd>, buf: Vec<u8>, head: DatagramHead },
    /// Wakes the thread that waits in another ring (`IORING_OP_MSG_RING`).
    Wake { ring: Arc<OwnedFd> },
}

impl Op {
    /// Takes the buffer out, where there is one.
    pub fn take_buf(&mut self) -> Vec<u8> {
        match self {
            Self::Read { buf, .. }
            | Self::Write { buf, .. }
            | Self::WriteSynced { buf, .. }
            | Self::Recv { buf, .. }
            | Self::Send { buf, .. }
            | Self::SendZeroCopy { buf, .. }
            | Self::RecvFrom { buf, .. }
            | Self::RecvSegments { buf, .. }
            | Self::SendSegments { buf, .. }
            | Self::SendTo { buf, .. } => std::mem::take(buf),
            _ => Vec::new(),
        }
    }

    /// Whether a success is a new descriptor.
    #[must_use]
    pub fn makes_fd(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Accept { .. } | Self::AcceptMany { .. })
    }
}

/// Most operations of one chain.
pub const LINKED_MAX: usize = 16;

/// What a completion brings.
#[derive(Debug)]
pub enum Event {
    /// One of several parts; more follow.
    Part(Part),
    /// The end. What a receive got with it came as a part before.
    End(Outcome),
}

/// A result of an operation that brings several. Dropping it closes the descriptor and
/// gives the buffer back.
#[derive(Debug)]
pub struct Part {
    /// Bytes, or 0.
    pub result: u32,
    /// The descriptor that was made.
    pub fd: Option<OwnedFd>,
    /// What was received.
    pub buf: Option<GroupBuf>,
    /// The head of a datagram.
    pub head: DatagramHead,
}

/// How an operation ended. Dropping it closes the descriptor that it made.
#[derive(Debug)]
pub struct Outcome {
    /// The operation, with its buffer.
    pub op: Op,
    /// Bytes, events, or 0, as the call returns.
    pub result: Result<u32>,
    /// The descriptor that it made.
    pub fd: Option<OwnedFd>,
}

impl Outcome {
    /// Whether all of it was done, so that the next of a chain may begin: a short
    /// read or write ends the chain.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match (&self.op, self.result) {
            (
                Op::Read { buf, at, .. }
                | Op::Write { buf, at, .. }
                | Op::WriteSynced { buf, at, .. },
                Ok(n),
            ) => n as usize == buf.len().saturating_sub(*at),
            (_, result) => result.is_ok(),
        }
    }

    /// The outcome of an operation that made no descriptor.
    #[must_use]
    pub fn plain(op: Op, result: Result<u32>) -> Self {
        Self { op, result, fd: None }
    }
}
