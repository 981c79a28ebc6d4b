//! What to do with an operation when its ring is given up.
//!
//! # Safety
//! The kernel may write to the buffer of an operation that it has. Here only the bytes of the buffer before
//! the part that was given to the kernel are read.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::slice;
use std::sync::Arc;

use rustix::fs::{FileType, OFlags};

use super::op::{NO_OFFSET, Op};
use crate::io::datagram::DatagramHead;

/// What to do with an operation of a ring that was given up.
#[derive(Debug)]
pub enum Stranded {
    /// To be carried out in another way: the kernel never saw it, or repeating it changes nothing.
    ToDo(Op),
    /// A part of a chain that the kernel never saw.
    NotBegun(Op),
    /// It may have been done, in part or whole, and must not be done twice. Its buffers are leaked.
    Unknown(Op),
}

/// A copy of `op`, which the kernel has, if repeating it changes nothing. `is_deferred` says that
/// the kernel receives only when the ring is entered (`IORING_SETUP_DEFER_TASKRUN`), so that no
/// bytes of a stream are lost.
pub(super) fn again(op: &Op, is_deferred: bool) -> Option<Op> {
    Some(match op {
        Op::Read { file, buf, at, offset } if *offset != NO_OFFSET && has_offsets(file) => {
            Op::Read { file: Arc::clone(file), buf: fresh(buf, *at), at: *at, offset: *offset }
        }
        Op::Recv { socket, buf, at, all: false } if is_deferred => {
            Op::Recv { socket: Arc::clone(socket), buf: fresh(buf, *at), at: *at, all: false }
        }
        Op::RecvMany { .. } if !is_deferred => return None,
        // A datagram may be lost anyway.
        Op::RecvFrom { socket, buf, .. } => {
            Op::RecvFrom { socket: Arc::clone(socket), buf: fresh(buf, 0), from: None }
        }
        Op::RecvSegments { socket, buf, .. } => {
            let (buf, head) = (fresh(buf, 0), DatagramHead::default());
            Op::RecvSegments { socket: Arc::clone(socket), buf, head }
        }
        Op::Open { dir, path, flags, mode, resolve }
            if !flags.intersects(OFlags::CREATE | OFlags::TRUNC | OFlags::TMPFILE) =>
        {
            let (dir, path) = (dir.clone(), path.clone());
            Op::Open { dir, path, flags: *flags, mode: *mode, resolve: *resolve }
        }
        Op::Nop
        | Op::Sync { .. }
        | Op::Poll { .. }
        | Op::Accept { .. }
        | Op::AcceptMany { .. }
        | Op::RecvMany { .. }
        | Op::RecvFromMany { .. } => without_buffers(op),
        _ => return None,
    })
}

/// Whether reads of the file have offsets, and so leave it as it was.
fn has_offsets(file: &OwnedFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::RegularFile | FileType::BlockDevice | FileType::Directory)
    })
}

/// A buffer with the length of `buf` and its first `at` bytes.
#[expect(clippy::ptr_arg, reason = "a slice would borrow the bytes that the kernel writes, too")]
fn fresh(buf: &Vec<u8>, at: usize) -> Vec<u8> {
    let at = at.min(buf.len());
    // SAFETY: the vector has at least `at` initialised bytes, and the kernel writes only after them.
    let head = unsafe { slice::from_raw_parts(buf.as_ptr(), at) };
    let mut fresh = vec![0; buf.len()];
    fresh[..at].copy_from_slice(head);
    fresh
}

/// The same operation with empty buffers and paths, to identify it.
pub(super) fn without_buffers(op: &Op) -> Op {
    let buf = Vec::new;
    match op {
        Op::Nop => Op::Nop,
        Op::Read { file, at, offset, .. } => {
            Op::Read { file: Arc::clone(file), buf: buf(), at: *at, offset: *offset }
        }
        Op::Write { file, at, offset, .. } => {
            Op::Write { file: Arc::clone(file), buf: buf(), at: *at, offset: *offset }
        }
        Op::WriteSynced { file, at, offset, .. } => {
            Op::WriteSynced { file: Arc::clone(file), buf: buf(), at: *at, offset: *offset }
        }
        Op::Sync { file, data_only } => Op::Sync { file: Arc::clone(file), data_only: *data_only },
        Op::Open { dir, flags, mode, resolve, .. } => {
            let (dir, path) = (dir.clone(), CString::default());
            Op::Open { dir, path, flags: *flags, mode: *mode, resolve: *resolve }
        }
        Op::Allocate { file, mode, offset, len } => {
            Op::Allocate { file: Arc::clone(file), mode: *mode, offset: *offset, len: *len }
        }
        Op::Rename { .. } => Op::Rename { from: CString::default(), to: CString::default() },
        Op::Unlink { flags, .. } => Op::Unlink { path: CString::default(), flags: *flags },
        Op::Mkdir { mode, .. } => Op::Mkdir { path: CString::default(), mode: *mode },
        Op::Poll { file, events } => Op::Poll { file: Arc::clone(file), events: *events },
        Op::Wake { ring } => Op::Wake { ring: Arc::clone(ring) },
        socket => socket_without_buffers(socket),
    }
}

fn socket_without_buffers(op: &Op) -> Op {
    let buf = Vec::new;
    match op {
        Op::Accept { socket } => Op::Accept { socket: Arc::clone(socket) },
        Op::AcceptMany { socket } => Op::AcceptMany { socket: Arc::clone(socket) },
        Op::Recv { socket, at, all, .. } => {
            Op::Recv { socket: Arc::clone(socket), buf: buf(), at: *at, all: *all }
        }
        Op::RecvMany { socket, group } => {
            Op::RecvMany { socket: Arc::clone(socket), group: *group }
        }
        Op::Send { socket, at, to, .. } => {
            Op::Send { socket: Arc::clone(socket), buf: buf(), at: *at, to: *to }
        }
        Op::SendZeroCopy { socket, at, to, copied, .. } => {
            let (at, to, copied) = (*at, *to, *copied);
            Op::SendZeroCopy { socket: Arc::clone(socket), buf: buf(), at, to, copied }
        }
        Op::SendVectored { socket, .. } => {
            Op::SendVectored { socket: Arc::clone(socket), bufs: Vec::new() }
        }
        Op::RecvFrom { socket, from, .. } => {
            Op::RecvFrom { socket: Arc::clone(socket), buf: buf(), from: *from }
        }
        Op::RecvFromMany { socket, group, coalesced } => {
            let (group, coalesced) = (*group, *coalesced);
            Op::RecvFromMany { socket: Arc::clone(socket), group, coalesced }
        }
        Op::SendTo { socket, to, .. } => {
            Op::SendTo { socket: Arc::clone(socket), buf: buf(), to: *to }
        }
        Op::SendSegments { socket, segment, to, .. } => {
            let (socket, segment, to) = (Arc::clone(socket), *segment, *to);
            Op::SendSegments { socket, buf: buf(), at: 0, end: 0, segment, to }
        }
        Op::RecvSegments { socket, head, .. } => {
            Op::RecvSegments { socket: Arc::clone(socket), buf: buf(), head: *head }
        }
        _ => Op::Nop,
    }
}
