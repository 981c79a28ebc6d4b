//! Operations as blocking calls, for the pool where there is no ring.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;

use cutwater_sys::ring::{NO_OFFSET, Op, Outcome, poll_bits};
use cutwater_sys::udp;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::CWD;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags};

/// The most pieces of one vectored send (`UIO_MAXIOV`).
const PIECES_MAX: usize = 1024;

/// Carries `op` out, and blocks as long as the call does.
pub(super) fn perform(mut op: Op) -> Outcome {
    let mut fd = None;
    let result = match &mut op {
        Op::Open { dir, path, flags, mode, resolve } => {
            let path = path.as_c_str();
            let opened = match dir {
                Some(dir) => open(dir.as_ref(), path, *flags, *mode, *resolve),
                None => open(CWD, path, *flags, *mode, *resolve),
            };
            opened.map(|new| {
                fd = Some(new);
                0
            })
        }
        Op::Accept { socket } => {
            rustix::net::accept_with(socket, SocketFlags::CLOEXEC).map(|new| {
                fd = Some(new);
                0
            })
        }
        other => on_file(other),
    };
    Outcome { op, result: result.map(|n| u32::try_from(n).unwrap_or(u32::MAX)), fd }
}

/// Carries an operation on a socket out where that needs no waiting; otherwise it comes back.
pub(super) fn perform_now(mut op: Op) -> Result<Outcome, Op> {
    let ready = match &mut op {
        Op::Poll { file, events } => {
            let mut fds = [PollFd::new(file, *events)];
            match rustix::event::poll(&mut fds, Some(&Timespec::default())) {
                Ok(0) => Err(Errno::AGAIN),
                Ok(_) => Ok((poll_bits(fds[0].revents()).into(), None)),
                Err(errno) => Err(errno),
            }
        }
        Op::Accept { socket } => accept_now(socket).map(|fd| (0, Some(fd))),
        Op::Read { .. } | Op::Write { .. } => on_stream(&mut op).map(|n| (n, None)),
        other => on_socket(other, RecvFlags::DONTWAIT, SendFlags::DONTWAIT).map(|n| (n, None)),
    };
    match ready {
        Ok((n, fd)) => Ok(Outcome { op, result: Ok(u32::try_from(n).unwrap_or(u32::MAX)), fd }),
        Err(Errno::AGAIN) => Err(op),
        Err(errno) => Ok(Outcome::plain(op, Err(errno))),
    }
}

/// The most bytes that a writable pipe takes without waiting (`PIPE_BUF`, `pipe(7)`).
const PIPE_BYTES: usize = 4096;

/// Reads or writes a stream without waiting (`RWF_NOWAIT`). It has no offsets.
fn on_stream(op: &mut Op) -> Result<usize, Errno> {
    let unknown = |errno| matches!(errno, Errno::OPNOTSUPP | Errno::NOSYS);
    match op {
        Op::Read { file, buf, at, .. } => {
            let space = buf.get_mut(*at..).ok_or(Errno::INVAL)?;
            let bufs = &mut [IoSliceMut::new(space)];
            match rustix::io::preadv2(&*file, bufs, NO_OFFSET, ReadWriteFlags::NOWAIT) {
                Err(errno) if unknown(errno) => {
                    wait_none(file, PollFlags::IN)?;
                    rustix::io::read(file, space)
                }
                read => read,
            }
        }
        Op::Write { file, buf, at, .. } => {
            let bytes = buf.get(*at..).ok_or(Errno::INVAL)?;
            let bufs = &[IoSlice::new(bytes)];
            match rustix::io::pwritev2(&*file, bufs, NO_OFFSET, ReadWriteFlags::NOWAIT) {
                Err(errno) if unknown(errno) => {
                    wait_none(file, PollFlags::OUT)?;
                    rustix::io::write(file, &bytes[..bytes.len().min(PIPE_BYTES)])
                }
                written => written,
            }
        }
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// `EAGAIN` if the file, which does not support `RWF_NOWAIT`, is not ready.
fn wait_none(file: &OwnedFd, events: PollFlags) -> Result<(), Errno> {
    match rustix::event::poll(&mut [PollFd::new(file, events)], Some(&Timespec::default()))? {
        0 => Err(Errno::AGAIN),
        _ => Ok(()),
    }
}

/// A connection that waits to be accepted. `accept4(2)` has no flag for this, and another user of
/// the socket may take the connection between a `poll(2)` and the call.
fn accept_now(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    rustix::io::ioctl_fionbio(socket, true)?;
    let accepted = rustix::net::accept_with(socket, SocketFlags::CLOEXEC);
    rustix::io::ioctl_fionbio(socket, false)?;
    accepted
}

fn on_socket(op: &mut Op, receive: RecvFlags, send: SendFlags) -> Result<usize, Errno> {
    let send = send | SendFlags::NOSIGNAL;
    match op {
        Op::Recv { socket, buf, at, all } => {
            let space = buf.get_mut(*at..).ok_or(Errno::INVAL)?;
            let wait = if *all && !receive.contains(RecvFlags::DONTWAIT) {
                RecvFlags::WAITALL
            } else {
                RecvFlags::empty()
            };
            rustix::net::recv(socket, space, receive | wait).map(|(n, _)| n)
        }
        Op::Send { socket, buf, at, to } | Op::SendZeroCopy { socket, buf, at, to, .. } => {
            let bytes = buf.get(*at..*to).ok_or(Errno::INVAL)?;
            rustix::net::send(socket, bytes, send)
        }
        Op::SendVectored { socket, bufs } => {
            let pieces: Vec<_> =
                bufs.iter().take(PIECES_MAX).map(|buf| IoSlice::new(buf)).collect();
            rustix::net::sendmsg(socket, &pieces, &mut SendAncillaryBuffer::default(), send)
        }
        Op::RecvFrom { socket, buf, from } => {
            let (n, _, sender) = rustix::net::recvfrom(socket, &mut buf[..], receive)?;
            *from = sender.and_then(|any| any.try_into().ok());
            Ok(n)
        }
        Op::RecvSegments { socket, buf, head } => {
            let (n, received) = udp::recv_segments(socket, buf, receive)?;
            *head = received;
            Ok(n)
        }
        Op::SendTo { socket, buf, to } => rustix::net::sendto(socket, buf, send, to),
        Op::SendSegments { socket, buf, at, end, segment, to } => {
            let bytes = buf.get(*at..*end).ok_or(Errno::INVAL)?;
            let segment = (*segment > 0).then_some(*segment);
            udp::send_segments(socket, bytes, segment, to.as_ref(), send)
        }
        _ => Err(Errno::OPNOTSUPP),
    }
}

/// `openat2(2)`; on kernels before 5.6, `openat(2)` where no way to resolve is asked for.
fn open(
    dir: impl std::os::fd::AsFd,
    path: &std::ffi::CStr,
    flags: rustix::fs::OFlags,
    mode: rustix::fs::Mode,
    resolve: rustix::fs::ResolveFlags,
) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat2(&dir, path, flags, mode, resolve) {
        Err(Errno::NOSYS) if resolve.is_empty() => rustix::fs::openat(&dir, path, flags, mode),
        other => other,
    }
}

fn on_file(op: &mut Op) -> Result<usize, Errno> {
    match op {
        Op::Read { file, buf, at, offset } => {
            let space = buf.get_mut(*at..).ok_or(Errno::INVAL)?;
            match *offset {
                NO_OFFSET => rustix::io::read(file, space),
                offset => rustix::io::pread(file, space, offset),
            }
        }
        Op::Write { file, buf, at, offset } => {
            let bytes = buf.get(*at..).ok_or(Errno::INVAL)?;
            match *offset {
                NO_OFFSET => rustix::io::write(file, bytes),
                offset => rustix::io::pwrite(file, bytes, offset),
            }
        }
        Op::WriteSynced { file, buf, at, offset } => {
            let bytes = buf.get(*at..).ok_or(Errno::INVAL)?;
            let bufs = [IoSlice::new(bytes)];
            rustix::io::pwritev2(file, &bufs, *offset, ReadWriteFlags::DSYNC)
        }
        Op::Sync { file, data_only: true } => rustix::fs::fdatasync(file).map(|()| 0),
        Op::Sync { file, data_only: false } => rustix::fs::fsync(file).map(|()| 0),
        Op::Allocate { file, mode, offset, len } => {
            rustix::fs::fallocate(file, *mode, *offset, *len).map(|()| 0)
        }
        Op::Rename { from, to } => {
            rustix::fs::renameat(CWD, from.as_c_str(), CWD, to.as_c_str()).map(|()| 0)
        }
        Op::Unlink { path, flags } => {
            rustix::fs::unlinkat(CWD, path.as_c_str(), *flags).map(|()| 0)
        }
        Op::Mkdir { path, mode } => rustix::fs::mkdirat(CWD, path.as_c_str(), *mode).map(|()| 0),
        Op::Poll { file, events } => {
            let mut fds = [PollFd::new(file, *events)];
            rustix::event::poll(&mut fds, None)?;
            Ok(poll_bits(fds[0].revents()).into())
        }
        Op::Nop => Ok(0),
        other => on_socket(other, RecvFlags::empty(), SendFlags::empty()),
    }
}
