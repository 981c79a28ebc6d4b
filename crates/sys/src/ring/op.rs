//! Operations of any kind, each with all that the kernel may touch while it is in flight.

use std::ffi::CString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, ResolveFlags};

use super::group::{GroupBuf, GroupId};
use crate::Result;

/// The offset that means "where the file's position is", for what has no offsets (sockets,
/// pipes) and for files opened with `O_APPEND`.
pub const NO_OFFSET: u64 = u64::MAX;

/// Events as the kernel has them: rustix's type for them differs between its backends.
#[must_use]
pub fn poll_bits(events: PollFlags) -> u16 {
    u16::from_ne_bytes(events.bits().to_ne_bytes())
}

/// An operation. It owns its buffer and keeps its descriptors open; both come back with its
/// [`Outcome`] and not before.
///
/// Fields have the names of the calls' parameters; `at` is where in the buffer to begin.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // of the fields: see above
pub enum Op {
    /// Nothing: to measure what an operation costs by itself.
    Nop,
    /// `pread(2)` into `buf[at..]`.
    Read { file: Arc<OwnedFd>, buf: Vec<u8>, at: usize, offset: u64 },
    /// `pwrite(2)` of `buf[at..]`.
    Write { file: Arc<OwnedFd>, buf: Vec<u8>, at: usize, offset: u64 },
    /// `pwritev2(2)` of `buf[at..]` with `RWF_DSYNC`: what it has written lasts a loss of power.
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
    /// `accept4(2)` of one connection after the other: a part for each.
    AcceptMany { socket: Arc<OwnedFd> },
    /// `recv(2)` into `buf[at..]`; with `all`, until it is full or the peer has ended
    /// (`MSG_WAITALL`).
    Recv { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, all: bool },
    /// `recv(2)` of whatever comes, into buffers of a group: a part for each.
    RecvMany { socket: Arc<OwnedFd>, group: GroupId },
    /// `send(2)` of `buf[at..to]`, all of it where the socket is a stream, without SIGPIPE.
    Send { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, to: usize },
    /// The same from where the bytes are, where the device can: ends when the kernel lets go of
    /// them. `copied` says that it made a copy after all.
    SendZeroCopy { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize, to: usize, copied: bool },
    /// `sendmsg(2)` of pieces one after the other, 1,024 at most.
    SendVectored { socket: Arc<OwnedFd>, bufs: Vec<Vec<u8>> },
    /// `recvmsg(2)` of one datagram into `buf`; `from` is who has sent it.
    RecvFrom { socket: Arc<OwnedFd>, buf: Vec<u8>, from: Option<SocketAddr> },
    /// `recvmsg(2)` of one datagram after the other, into buffers of a group, of which the first
    /// [`DATAGRAM_HEAD_BYTES`] are needed for what `recvmsg(2)` says beside the bytes: a part for
    /// each. With `coalesced`, as [`Op::RecvSegments`].
    RecvFromMany { socket: Arc<OwnedFd>, group: GroupId, coalesced: bool },
    /// `sendmsg(2)` of one datagram.
    SendTo { socket: Arc<OwnedFd>, buf: Vec<u8>, to: SocketAddr },
    /// `sendmsg(2)` of `buf[at..end]` as datagrams of `segment` bytes, but for the last, which may be
    /// shorter (`UDP_SEGMENT`); with a segment of 0 as one. To the connected peer where `to` is none.
    SendSegments {
        socket: Arc<OwnedFd>,
        buf: Vec<u8>,
        at: usize,
        end: usize,
        segment: u16,
        to: Option<SocketAddr>,
    },
    /// `recvmsg(2)` into `buf` of one datagram, or of several of one peer where the socket was set so
    /// ([`crate::udp::coalesce`]).
    RecvSegments { socket: Arc<OwnedFd>, buf: Vec<u8>, head: DatagramHead },
    /// Wakes whoever waits in another ring (`IORING_OP_MSG_RING`).
    Tell { ring: Arc<OwnedFd> },
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

/// Operations of one chain at most.
pub const LINKED_MAX: usize = 16;

/// What a completion says.
#[derive(Debug)]
pub enum Event {
    /// One of several; more follow.
    Part(Part),
    /// The last. What a receive got with it came as a part before.
    End(Outcome),
}

/// One of the things that an operation which goes on brings. Dropping it closes the descriptor and
/// gives the buffer back.
#[derive(Debug)]
pub struct Part {
    /// Bytes, or 0.
    pub result: u32,
    /// The descriptor that was made.
    pub fd: Option<OwnedFd>,
    /// What was received.
    pub buf: Option<GroupBuf>,
    /// What else is known of it, of datagrams.
    pub head: DatagramHead,
}

/// Bytes that a head takes of a buffer that the kernel picked, at most: `io_uring_recvmsg_out`, an
/// address, and a control message.
pub const DATAGRAM_HEAD_BYTES: usize = 16 + 128 + 24;

/// What `recvmsg(2)` says of a datagram beside its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatagramHead {
    /// Who has sent it.
    pub from: Option<SocketAddr>,
    /// Bytes of each of several datagrams that came together, but for the last, which may be
    /// shorter (`UDP_GRO`); nothing where there is one.
    pub segment: Option<u16>,
    /// More came than the buffer holds (`MSG_TRUNC`); the rest is lost.
    pub truncated: bool,
}

/// How an operation ended. Dropping it closes the descriptor that it made.
#[derive(Debug)]
pub struct Outcome {
    /// What was given, the buffer among it.
    pub op: Op,
    /// Bytes, events, or 0, as the call has it.
    pub result: Result<u32>,
    /// The descriptor that it made.
    pub fd: Option<OwnedFd>,
}

impl Outcome {
    /// Whether all was done that was asked for, so that the next of a chain may begin: a short
    /// read or write ends it.
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

    /// Of an operation that made nothing.
    #[must_use]
    pub fn plain(op: Op, result: Result<u32>) -> Self {
        Self { op, result, fd: None }
    }
}
