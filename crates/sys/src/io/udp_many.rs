//! Many datagrams by one call, each a message of its own (`recvmmsg(2)`, `sendmmsg(2)`). Measurements
//! compare the runtime with it.
//!
//! # Safety
//! Headers hold addresses of buffers of the same owner, whose heap memory does not move; they are
//! filled in again before each call, under a mutable borrow that lasts until after it.
#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use crate::{Result, last_errno};

/// Most datagrams of one call; the kernel cuts longer ones (`UIO_MAXIOV`).
pub const MANY_MAX: usize = 1024;

/// Buffers for the datagrams of one call.
pub struct Many {
    bytes: Vec<u8>,
    bytes_each: usize,
    names: Vec<libc::sockaddr_storage>,
    pieces: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: usize,
}

impl std::fmt::Debug for Many {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Many").field("received", &self.received).finish_non_exhaustive()
    }
}

impl Many {
    /// Buffers for `count` datagrams (at most [`MANY_MAX`]) of `bytes_each`.
    #[must_use]
    pub fn new(count: usize, bytes_each: usize) -> Self {
        let count = count.min(MANY_MAX);
        // SAFETY: all-zero bytes are a valid address of no family.
        let name: libc::sockaddr_storage = unsafe { mem::zeroed() };
        // SAFETY: all-zero bytes are a valid `mmsghdr`: null pointers and lengths of 0.
        let header: libc::mmsghdr = unsafe { mem::zeroed() };
        let piece = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        Self {
            bytes: vec![0; count * bytes_each],
            bytes_each,
            names: vec![name; count],
            pieces: vec![piece; count],
            headers: vec![header; count],
            received: 0,
        }
    }

    /// Waits for a datagram and receives all that are there (`MSG_WAITFORONE`); returns how many.
    ///
    /// # Errors
    /// As `recvmmsg(2)`.
    pub fn recv(&mut self, socket: impl AsFd) -> Result<usize> {
        self.received = 0;
        let space = self.bytes_each;
        let count = self.point(|_| space, size_of::<libc::sockaddr_storage>());
        let (fd, headers) = (socket.as_fd().as_raw_fd(), self.headers.as_mut_ptr());
        let flags = libc::MSG_WAITFORONE as _;
        // SAFETY: there are `count` headers, which refer to memory of `self` of the lengths in
        // them, and `self` is borrowed mutably until after the call.
        let n = unsafe { libc::recvmmsg(fd, headers, count, flags, std::ptr::null_mut()) };
        self.received = usize::try_from(n).map_err(|_| last_errno())?;
        Ok(self.received)
    }

    /// The datagrams that were received.
    pub fn received(&self) -> impl Iterator<Item = &[u8]> {
        let lens = self.headers[..self.received].iter().map(|header| header.msg_len as usize);
        self.bytes.chunks(self.bytes_each.max(1)).zip(lens).map(|(bytes, len)| &bytes[..len])
    }

    /// Sends each datagram that was received back to its sender; returns how many were sent.
    ///
    /// # Errors
    /// As `sendmmsg(2)`.
    pub fn send_back(&mut self, socket: impl AsFd) -> Result<usize> {
        let lens: Vec<usize> = self.headers.iter().map(|header| header.msg_len as usize).collect();
        let names: Vec<_> = self.headers.iter().map(|h| h.msg_hdr.msg_namelen).collect();
        self.point(|at| lens[at], 0);
        for (header, len) in self.headers.iter_mut().zip(names) {
            header.msg_hdr.msg_namelen = len;
        }
        self.send(socket, self.received)
    }

    /// Sends the first `bytes` of each of `count` buffers to the connected peer; returns how many were sent.
    ///
    /// # Errors
    /// As `sendmmsg(2)`.
    pub fn send_all(&mut self, socket: impl AsFd, count: usize, bytes: usize) -> Result<usize> {
        let bytes = bytes.min(self.bytes_each);
        self.point(|_| bytes, 0);
        for header in &mut self.headers {
            header.msg_hdr.msg_name = std::ptr::null_mut();
        }
        self.send(socket, count.min(self.headers.len()))
    }

    /// All buffers, one after the other, for the caller to fill.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn send(&mut self, socket: impl AsFd, count: usize) -> Result<usize> {
        let (fd, headers) = (socket.as_fd().as_raw_fd(), self.headers.as_mut_ptr());
        // SAFETY: there are at least `count` headers, which refer to memory of `self` of the
        // lengths in them, and `self` is borrowed mutably until after the call.
        let n = unsafe { libc::sendmmsg(fd, headers, count as _, libc::MSG_NOSIGNAL as _) };
        usize::try_from(n).map_err(|_| last_errno())
    }

    /// Points each header to its own buffer and name; returns how many there are.
    fn point(&mut self, len: impl Fn(usize) -> usize, name_len: usize) -> u32 {
        let buffers = self.bytes.chunks_mut(self.bytes_each.max(1));
        let all = self.headers.iter_mut().zip(&mut self.pieces).zip(&mut self.names).zip(buffers);
        for (at, (((header, piece), name), buffer)) in all.enumerate() {
            piece.iov_base = buffer.as_mut_ptr().cast();
            piece.iov_len = len(at).min(buffer.len());
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = name_len as libc::socklen_t;
        }
        self.headers.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn many_are_received_and_go_back_to_those_they_came_from() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        let clients: Vec<_> = (0..5).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        for (n, client) in clients.iter().enumerate() {
            client.send_to(&vec![n as u8; n * 10], to).unwrap();
        }
        let mut many = Many::new(8, 35);
        assert_eq!(many.recv(&server), Ok(5));
        let lens: Vec<usize> = many.received().map(<[u8]>::len).collect();
        assert_eq!(lens, [0, 10, 20, 30, 35], "the last is cut");
        assert!(many.received().enumerate().all(|(n, bytes)| bytes.iter().all(|b| *b == n as u8)));
        assert_eq!(many.send_back(&server), Ok(5));
        for (n, client) in clients.iter().enumerate() {
            assert_eq!(client.recv(&mut [0; 100]).unwrap(), (n * 10).min(35));
        }
        clients[0].connect(to).unwrap();
        assert_eq!(many.send_all(&clients[0], 3, 7), Ok(3));
        assert_eq!(many.recv(&server), Ok(3));
        assert!(many.received().all(|bytes| bytes.len() == 7));
    }
}
