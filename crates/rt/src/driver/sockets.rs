//! Which operations wait for a socket, and for what.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use cutwater_sys::ring::Op;
use rustix::event::PollFlags;

/// What the socket of `op` must be ready for before `op` can be carried out without waiting; `None`
/// for operations that are not on sockets.
pub(super) fn waits_for(op: &Op) -> Option<PollFlags> {
    Some(match op {
        Op::Accept { .. } | Op::Recv { .. } => PollFlags::IN,
        Op::RecvFrom { .. } | Op::RecvSegments { .. } => PollFlags::IN,
        Op::Send { .. } | Op::SendZeroCopy { .. } => PollFlags::OUT,
        Op::SendVectored { .. } | Op::SendTo { .. } | Op::SendSegments { .. } => PollFlags::OUT,
        Op::Poll { events, .. } => *events,
        _ => return None,
    })
}

/// Whether the end of an operation depends on a peer, and may never come.
pub(super) fn waits_for_peer(op: &Op) -> bool {
    matches!(op, Op::AcceptMany { .. } | Op::RecvMany { .. } | Op::RecvFromMany { .. })
        || waits_for(op).is_some()
}

/// The socket of an operation.
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
        | Op::Poll { file: socket, .. } => Some(socket),
        _ => None,
    }
}
