//! Operations as plain blocking calls: what a pool does where there is no ring.

use cutwater_sys::ring::{NO_OFFSET, Op, Outcome};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags};

/// Carries `op` out; blocks as long as the call does.
pub(crate) fn perform(mut op: Op) -> Outcome {
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
        other => plain(other),
    };
    Outcome { op, result: result.map(|n| u32::try_from(n).unwrap_or(u32::MAX)), fd }
}

/// `openat2(2)`, or `openat(2)` on kernels before 5.6 where nothing special is asked for.
fn open(
    dir: impl std::os::fd::AsFd,
    path: &std::ffi::CStr,
    flags: rustix::fs::OFlags,
    mode: rustix::fs::Mode,
    resolve: rustix::fs::ResolveFlags,
) -> Result<std::os::fd::OwnedFd, Errno> {
    match rustix::fs::openat2(&dir, path, flags, mode, resolve) {
        Err(Errno::NOSYS) if resolve.is_empty() => rustix::fs::openat(&dir, path, flags, mode),
        other => other,
    }
}

fn plain(op: &mut Op) -> Result<usize, Errno> {
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
            let mut fds = [PollFd::new(file, PollFlags::from_bits_retain(*events))];
            rustix::event::poll(&mut fds, None)?;
            Ok(usize::from(fds[0].revents().bits()))
        }
        Op::Recv { socket, buf } => {
            rustix::net::recv(socket, &mut buf[..], RecvFlags::empty()).map(|(n, _)| n)
        }
        Op::Send { socket, buf, at } => {
            let bytes = buf.get(*at..).ok_or(Errno::INVAL)?;
            rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)
        }
        // Nothing; and what is added to the operations and not yet here.
        Op::Nop => Ok(0),
        _ => Err(Errno::OPNOTSUPP),
    }
}
