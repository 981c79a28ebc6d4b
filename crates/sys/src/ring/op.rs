//! Operations of any kind, each with all that the kernel may touch while it is in flight.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, ResolveFlags};

use crate::Result;

/// The offset that means "where the file's position is", for what has no offsets (sockets,
/// pipes) and for files opened with `O_APPEND`.
pub const NO_OFFSET: u64 = u64::MAX;

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
    Poll { file: Arc<OwnedFd>, events: u16 },
    /// `accept4(2)` with `SOCK_CLOEXEC`.
    Accept { socket: Arc<OwnedFd> },
    /// `recv(2)` into `buf`.
    Recv { socket: Arc<OwnedFd>, buf: Vec<u8> },
    /// `send(2)` of `buf[at..]`, without SIGPIPE.
    Send { socket: Arc<OwnedFd>, buf: Vec<u8>, at: usize },
}

impl Op {
    /// Takes the buffer out, where there is one.
    pub fn take_buf(&mut self) -> Vec<u8> {
        match self {
            Self::Read { buf, .. }
            | Self::Write { buf, .. }
            | Self::Recv { buf, .. }
            | Self::Send { buf, .. } => std::mem::take(buf),
            _ => Vec::new(),
        }
    }

    /// Whether a success is a new descriptor.
    #[must_use]
    pub fn makes_fd(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Accept { .. })
    }
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
