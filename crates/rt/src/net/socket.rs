//! What all stream sockets do, whatever their addresses.

use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome};
use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::operation::{ATTEMPTS_MAX, BufResult, buf_result, operation};

/// Bytes from which a send is tried without a copy (`IORING_OP_SEND_ZC`). Below, pinning the pages and
/// the second completion cost more than the copy.
const ZERO_COPY_BYTES: usize = 256 << 10;

/// The most pieces of one vectored send (`UIO_MAXIOV`).
const PIECES_MAX: usize = 1024;

/// Whether the kernel really sends without a copy here; over loopback it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZeroCopy {
    Untried,
    Works,
    Copies,
}

/// A connected socket. Cheap to clone; closed when the last clone is dropped and no operation has it.
#[derive(Debug, Clone)]
pub struct Socket {
    pub(super) fd: Arc<OwnedFd>,
    zero_copy: Rc<Cell<ZeroCopy>>,
}

/// Carries `op` out, and again where it was interrupted. Where the socket was set not to block, waits
/// until it is ready.
pub(super) async fn until_done(fd: &Arc<OwnedFd>, events: PollFlags, mut op: Op) -> Outcome {
    for _ in 0..ATTEMPTS_MAX {
        let outcome = operation(op).await;
        match outcome.result {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                drop(operation(Op::Poll { file: Arc::clone(fd), events }).await);
            }
            _ => return outcome,
        }
        op = outcome.op;
    }
    Outcome { op, result: Err(Errno::AGAIN), fd: None }
}

impl Socket {
    pub(super) fn new(fd: Arc<OwnedFd>) -> Self {
        Self { fd, zero_copy: Rc::new(Cell::new(ZeroCopy::Untried)) }
    }

    pub(super) async fn recv(&self, buf: Vec<u8>, at: usize) -> BufResult {
        let op = Op::Recv { socket: Arc::clone(&self.fd), buf, at, all: false };
        buf_result(until_done(&self.fd, PollFlags::IN, op).await)
    }

    pub(super) async fn recv_exact(&self, mut buf: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let mut at = 0;
        while at < buf.len() {
            let op = Op::Recv { socket: Arc::clone(&self.fd), buf, at, all: true };
            let mut outcome = until_done(&self.fd, PollFlags::IN, op).await;
            buf = outcome.op.take_buf();
            let failed: io::Error = match outcome.result {
                Ok(0) => io::ErrorKind::UnexpectedEof.into(),
                Ok(n) => {
                    at += n as usize;
                    continue;
                }
                Err(errno) => errno.into(),
            };
            buf.truncate(at);
            return (Err(failed), buf);
        }
        (Ok(()), buf)
    }

    pub(super) async fn send_all(&self, buf: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let to = buf.len();
        self.send_part(buf, 0, to).await
    }

    /// Sends `buf[at..to]`.
    pub(super) async fn send_part(
        &self,
        mut buf: Vec<u8>,
        mut at: usize,
        to: usize,
    ) -> (io::Result<()>, Vec<u8>) {
        if to > buf.len() {
            return (Err(io::ErrorKind::InvalidInput.into()), buf);
        }
        while at < to {
            let socket = Arc::clone(&self.fd);
            let big = to - at >= ZERO_COPY_BYTES;
            let op = if big && self.zero_copy.get() != ZeroCopy::Copies {
                Op::SendZeroCopy { socket, buf, at, to, copied: false }
            } else {
                Op::Send { socket, buf, at, to }
            };
            let mut outcome = until_done(&self.fd, PollFlags::OUT, op).await;
            self.record_copy(&outcome);
            buf = outcome.op.take_buf();
            match outcome.result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(n) => at += n as usize,
                // Kernels before 6.0 do not know it, and some sockets cannot.
                Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOMEM)
                    if matches!(outcome.op, Op::SendZeroCopy { .. }) =>
                {
                    self.zero_copy.set(ZeroCopy::Copies);
                }
                Err(errno) => return (Err(errno.into()), buf),
            }
        }
        (Ok(()), buf)
    }

    /// Records whether a send meant to go without a copy did so.
    fn record_copy(&self, outcome: &Outcome) {
        if let (Op::SendZeroCopy { copied, .. }, Ok(_)) = (&outcome.op, &outcome.result) {
            self.zero_copy.set(if *copied { ZeroCopy::Copies } else { ZeroCopy::Works });
        }
    }

    pub(super) async fn send_vectored(
        &self,
        mut bufs: Vec<Vec<u8>>,
    ) -> (io::Result<()>, Vec<Vec<u8>>) {
        let mut done = Vec::with_capacity(bufs.len());
        while !bufs.is_empty() {
            let rest = bufs.split_off(bufs.len().min(PIECES_MAX));
            let (sent, mut back) = self.send_pieces(bufs).await;
            done.append(&mut back);
            bufs = rest;
            if sent.is_err() {
                done.append(&mut bufs);
                return (sent, done);
            }
        }
        (Ok(()), done)
    }

    /// Sends as many pieces as one call takes.
    async fn send_pieces(&self, bufs: Vec<Vec<u8>>) -> (io::Result<()>, Vec<Vec<u8>>) {
        let total: usize = bufs.iter().map(Vec::len).sum();
        if total == 0 {
            return (Ok(()), bufs);
        }
        let op = Op::SendVectored { socket: Arc::clone(&self.fd), bufs };
        let outcome = until_done(&self.fd, PollFlags::OUT, op).await;
        let Op::SendVectored { mut bufs, .. } = outcome.op else {
            return (Err(Errno::INVAL.into()), Vec::new());
        };
        let mut sent = match outcome.result {
            Ok(n) => n as usize,
            Err(errno) => return (Err(errno.into()), bufs),
        };
        // After a short send, as older kernels make, what is left goes piece by piece.
        for buf in &mut bufs {
            let done = sent.min(buf.len());
            sent -= done;
            if done < buf.len() {
                let (rest, _) = self.send_all(buf[done..].to_vec()).await;
                if rest.is_err() {
                    return (rest, bufs);
                }
            }
        }
        (Ok(()), bufs)
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        Ok(rustix::net::shutdown(&self.fd, how)?)
    }

    pub(super) async fn close(&self, limit: Duration) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => return Ok(()),
            other => other?,
        }
        let drain = async {
            let mut buf = vec![0; 4096];
            while let (Ok(1..), back) = self.recv(buf, 0).await {
                buf = back;
            }
        };
        // The limit is not an error: a peer that never stops sending is not waited for.
        let _ = crate::time::timeout(limit, drain).await;
        Ok(())
    }
}
