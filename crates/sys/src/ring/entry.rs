//! The entries of operations, as the kernel reads them.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use io_uring::{opcode, squeue, types};
use rustix::net::addr::SocketAddrArg;

use super::op::{Op, poll_bits};
use crate::io::message::Message;

/// What the kernel may still touch of one operation.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) op: Op,
    /// `openat2(2)` reads it when the entry is taken, which may be later than the push.
    pub(super) how: Option<Box<types::OpenHow>>,
    pub(super) message: Option<Box<Message>>,
    /// The result of a zero-copy send, while the kernel still has the bytes.
    pub(super) sent: Option<i32>,
    /// Whether it is part of a chain.
    pub(super) is_linked: bool,
}

/// The user data of a message that wakes the ring.
const WAKE: u64 = u64::MAX - 1;

/// Asks the kernel to report whether it made a copy (`IORING_SEND_ZC_REPORT_USAGE`).
const ZERO_COPY_REPORT: u16 = 1 << 3;

/// Receives of at least this many bytes wait for readiness before the first try
/// (`IORING_RECVSEND_POLL_FIRST`): the receive before took what had come, so usually nothing is there.
const POLL_FIRST_BYTES: u32 = 32 << 10;
/// `IORING_RECVSEND_POLL_FIRST`.
const POLL_FIRST: u16 = 1;

/// No signal, and no short sends on streams: the kernel continues by itself.
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;

fn fd(file: &Arc<OwnedFd>) -> types::Fd {
    types::Fd(file.as_raw_fd())
}

/// The entry of an operation; none where an offset in its buffer is out of bounds.
pub(super) fn entry(flight: &mut Flight) -> Option<squeue::Entry> {
    Some(match &mut flight.op {
        Op::Nop => opcode::Nop::new().build(),
        Op::Read { file, buf, at, offset } => {
            let space = buf.get_mut(*at..)?;
            let len = u32::try_from(space.len()).unwrap_or(u32::MAX);
            opcode::Read::new(fd(file), space.as_mut_ptr(), len).offset(*offset).build()
        }
        Op::Write { file, buf, at, offset } => {
            let bytes = buf.get(*at..)?;
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            opcode::Write::new(fd(file), bytes.as_ptr(), len).offset(*offset).build()
        }
        Op::WriteSynced { file, buf, at, offset } => {
            let bytes = buf.get(*at..)?;
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let entry = opcode::Write::new(fd(file), bytes.as_ptr(), len).offset(*offset);
            entry.rw_flags(libc::RWF_DSYNC).build()
        }
        Op::Sync { file, data_only } => {
            let flags =
                if *data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
            opcode::Fsync::new(fd(file)).flags(flags).build()
        }
        Op::Poll { file, events } => {
            opcode::PollAdd::new(fd(file), poll_bits(*events).into()).build()
        }
        Op::Wake { ring } => opcode::MsgRingData::new(fd(ring), 0, WAKE, None).build(),
        _ => return path_entry(flight),
    })
}

/// The entry of an operation on a path, or on what a file has allocated.
fn path_entry(flight: &mut Flight) -> Option<squeue::Entry> {
    let cwd = types::Fd(libc::AT_FDCWD);
    Some(match &mut flight.op {
        Op::Open { dir, path, flags, mode, resolve } => {
            let how = types::OpenHow::new()
                .flags(u64::from(flags.bits()))
                .mode(u64::from(mode.bits()))
                .resolve(resolve.bits());
            let how: &types::OpenHow = flight.how.insert(Box::new(how));
            let dir = dir.as_ref().map_or(cwd, fd);
            opcode::OpenAt2::new(dir, path.as_ptr(), how).build()
        }
        Op::Allocate { file, mode, offset, len } => {
            let mode = mode.bits() as i32;
            opcode::Fallocate::new(fd(file), *len).offset(*offset).mode(mode).build()
        }
        Op::Rename { from, to } => {
            opcode::RenameAt::new(cwd, from.as_ptr(), cwd, to.as_ptr()).build()
        }
        Op::Unlink { path, flags } => {
            opcode::UnlinkAt::new(cwd, path.as_ptr()).flags(flags.bits() as i32).build()
        }
        Op::Mkdir { path, mode } => {
            opcode::MkDirAt::new(cwd, path.as_ptr()).mode(mode.bits()).build()
        }
        _ => return socket_entry(flight),
    })
}

/// The entry of an operation on a socket.
fn socket_entry(flight: &mut Flight) -> Option<squeue::Entry> {
    Some(match &mut flight.op {
        Op::Accept { socket } => {
            let none = std::ptr::null_mut();
            opcode::Accept::new(fd(socket), none, none.cast()).flags(libc::SOCK_CLOEXEC).build()
        }
        Op::AcceptMany { socket } => {
            opcode::AcceptMulti::new(fd(socket)).flags(libc::SOCK_CLOEXEC).build()
        }
        Op::Recv { socket, buf, at, all } => {
            let space = buf.get_mut(*at..)?;
            let len = u32::try_from(space.len()).unwrap_or(u32::MAX);
            let flags = if *all { libc::MSG_WAITALL } else { 0 };
            let ioprio = if !*all && len >= POLL_FIRST_BYTES { POLL_FIRST } else { 0 };
            opcode::Recv::new(fd(socket), space.as_mut_ptr(), len)
                .flags(flags)
                .ioprio(ioprio)
                .build()
        }
        Op::RecvMany { socket, group } => opcode::RecvMulti::new(fd(socket), *group).build(),
        Op::Send { socket, buf, at, to } => {
            let bytes = buf.get(*at..*to)?;
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            opcode::Send::new(fd(socket), bytes.as_ptr(), len).flags(SEND_FLAGS).build()
        }
        Op::SendZeroCopy { socket, buf, at, to, .. } => {
            let bytes = buf.get(*at..*to)?;
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let entry = opcode::SendZc::new(fd(socket), bytes.as_ptr(), len);
            entry.flags(SEND_FLAGS).zc_flags(ZERO_COPY_REPORT).build()
        }
        _ => return message_entry(flight),
    })
}

/// The entry of an operation with a message header.
fn message_entry(flight: &mut Flight) -> Option<squeue::Entry> {
    Some(match &mut flight.op {
        Op::SendVectored { socket, bufs } => {
            let header =
                flight.message.as_mut()?.for_send(bufs.iter().map(Vec::as_slice), None, None);
            opcode::SendMsg::new(fd(socket), header).flags(SEND_FLAGS as u32).build()
        }
        Op::RecvFrom { socket, buf, .. } => {
            let header = flight.message.as_mut()?.for_receive(buf, false);
            opcode::RecvMsg::new(fd(socket), header).build()
        }
        Op::RecvSegments { socket, buf, .. } => {
            let header = flight.message.as_mut()?.for_receive(buf, true);
            opcode::RecvMsg::new(fd(socket), header).build()
        }
        Op::RecvFromMany { socket, group, coalesced } => {
            let header = flight.message.as_mut()?.for_many(*coalesced);
            opcode::RecvMsgMulti::new(fd(socket), header, *group).build()
        }
        Op::SendTo { socket, buf, to } => {
            let pieces = std::iter::once(buf.as_slice());
            let header = flight.message.as_mut()?.for_send(pieces, Some(&to.as_any()), None);
            opcode::SendMsg::new(fd(socket), header).flags(libc::MSG_NOSIGNAL as u32).build()
        }
        Op::SendSegments { socket, buf, at, end, segment, to } => {
            let pieces = std::iter::once(buf.get(*at..*end)?);
            let to = to.as_ref().map(SocketAddrArg::as_any);
            let segment = (*segment > 0).then_some(*segment);
            let header = flight.message.as_mut()?.for_send(pieces, to.as_ref(), segment);
            opcode::SendMsg::new(fd(socket), header).flags(libc::MSG_NOSIGNAL as u32).build()
        }
        // All others are above; an operation without an entry is refused.
        _ => return None,
    })
}
