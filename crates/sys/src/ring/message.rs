//! Headers of `sendmsg(2)` and `recvmsg(2)`: where the bytes are, and where the address.
//!
//! # Safety
//! A header holds addresses of buffers that it does not own. It is only given to the kernel
//! together with their owner, in one flight, and filled in anew before each use.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;

use rustix::net::SocketAddrAny;
use rustix::net::addr::{SocketAddrArg, SocketAddrStorage};

/// Most pieces of one vectored send (`UIO_MAXIOV`).
pub(super) const PIECES_MAX: usize = 1024;

/// A header and what it refers to but for the bytes. Boxed, so that its address stays.
pub(super) struct Message {
    header: libc::msghdr,
    pieces: Vec<libc::iovec>,
    name: MaybeUninit<SocketAddrStorage>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("pieces", &self.pieces.len()).finish_non_exhaustive()
    }
}

impl Message {
    pub(super) fn new() -> Box<Self> {
        // SAFETY: all-zero bytes are a valid `msghdr`: null pointers and lengths of 0.
        let header = unsafe { mem::zeroed() };
        Box::new(Self { header, pieces: Vec::new(), name: MaybeUninit::zeroed() })
    }

    /// To receive into `buf`, and the sender's address.
    pub(super) fn to_receive(&mut self, buf: &mut [u8]) -> *mut libc::msghdr {
        self.pieces.clear();
        self.pieces.push(libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() });
        self.finish(size_of::<SocketAddrStorage>() as libc::socklen_t)
    }

    /// To send `pieces`, to `to` where it is given.
    pub(super) fn to_send<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        to: Option<&SocketAddrAny>,
    ) -> *mut libc::msghdr {
        self.pieces.clear();
        let pieces = pieces.filter(|piece| !piece.is_empty()).take(PIECES_MAX);
        self.pieces.extend(pieces.map(|piece| libc::iovec {
            iov_base: piece.as_ptr().cast_mut().cast(),
            iov_len: piece.len(),
        }));
        let len = to.map_or(0, |to| {
            // SAFETY: the storage has room for an address of any family.
            unsafe { to.write_sockaddr(self.name.as_mut_ptr()) }
        });
        self.finish(len)
    }

    fn finish(&mut self, name_len: libc::socklen_t) -> *mut libc::msghdr {
        self.header.msg_namelen = name_len;
        self.header.msg_name = match name_len {
            0 => std::ptr::null_mut(),
            _ => self.name.as_mut_ptr().cast(),
        };
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = self.pieces.len() as _;
        &raw mut self.header
    }

    /// The sender's address, of what was received.
    pub(super) fn sender(&self) -> Option<SocketAddr> {
        let len = self.header.msg_namelen;
        if len == 0 || len as usize > size_of::<SocketAddrStorage>() {
            return None;
        }
        // SAFETY: the storage was zeroed when it was made, and the kernel has written an address
        // of this length, which fits.
        let any = unsafe { SocketAddrAny::read(self.name.as_ptr(), len) };
        SocketAddr::try_from(any).ok()
    }
}
