//! Which operations wait for a socket or another stream, and for what.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use cutwater_sys::ring::Op;
use rustix::event::PollFlags;
use rustix::fs::FileType;

/// What the descriptor of `op` must be ready for before `op` can be carried out without waiting; `None`
/// for operations that cannot be waited for.
pub(super) fn waits_for(op: &Op) -> Option<PollFlags> {
    Some(match op {
        Op::Accept { .. } | Op::Recv { .. } => PollFlags::IN,
        Op::RecvFrom { .. } | Op::RecvSegments { .. } => PollFlags::IN,
        Op::Send { .. } | Op::SendZeroCopy { .. } => PollFlags::OUT,
        Op::SendVectored { .. } | Op::SendTo { .. } | Op::SendSegments { .. } => PollFlags::OUT,
        Op::Read { .. } => PollFlags::IN,
        Op::Write { .. } => PollFlags::OUT,
        Op::Poll { events, .. } => *events,
        _ => return None,
    })
}

/// Whether the end of an operation depends on a peer, and may never come.
pub(super) fn waits_for_peer(op: &Op) -> bool {
    matches!(op, Op::AcceptMany { .. } | Op::RecvMany { .. } | Op::RecvFromMany { .. })
        || (waits_for(op).is_some() && !is_transfer(op))
}

fn is_transfer(op: &Op) -> bool {
    matches!(op, Op::Read { .. } | Op::Write { .. })
}

/// Whether `op` is on a stream: a socket, a pipe, a terminal. A peer may delay it for any time, so
/// no thread should wait for it.
pub(super) fn is_on_stream(op: &Op) -> bool {
    match op {
        Op::Read { file, .. } | Op::Write { file, .. } => {
            rustix::fs::fstat(file).is_ok_and(|stat| {
                let kind = FileType::from_raw_mode(stat.st_mode);
                // Descriptors of eventfd(2) and the like have no type.
                !matches!(kind, FileType::RegularFile | FileType::Directory | FileType::BlockDevice)
            })
        }
        other => waits_for(other).is_some(),
    }
}

/// The socket or other stream of an operation.
pub(super) fn socket_of(op: &Op) -> Option<&Arc<OwnedFd>> {
    match op {
        Op::Accept { socket }
        | Op::Recv { socket, .. }
        | Op::RecvFrom { socket, .. }
        | Op::Send { socket, .. }
        | Op::SendZeroCopy { socket, .. }
        | Op::SendVectored { socket, .. }
        | Op::SendTo { socket, .. }
        | Op::SendSegments { socket, .. }
        | Op::RecvSegments { socket, .. }
        | Op::Read { file: socket, .. }
        | Op::Write { file: socket, .. }
        | Op::Poll { file: socket, .. } => Some(socket),
        _ => None,
    }
}
