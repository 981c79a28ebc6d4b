//! Headers of `sendmsg(2)` and `recvmsg(2)`: where the bytes are, and where the address.
//!
//! # Safety
//! A header holds addresses of buffers that it does not own. It is only given to the kernel
//! together with their owner, in one flight, and filled in anew before each use.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::{ptr, slice};

use io_uring::types::RecvMsgOut;
use rustix::net::SocketAddrAny;
use rustix::net::addr::{SocketAddrArg, SocketAddrStorage};

use super::group::GroupBuf;

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
    pub(super) fn for_receive(&mut self, buf: &mut [u8]) -> *mut libc::msghdr {
        self.pieces.clear();
        self.pieces.push(libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() });
        self.finish(size_of::<SocketAddrStorage>() as libc::socklen_t)
    }

    /// To receive one datagram after the other, each with its sender's address, into buffers that
    /// the kernel picks.
    pub(super) fn for_many(&mut self) -> *mut libc::msghdr {
        self.pieces.clear();
        self.finish(size_of::<SocketAddrStorage>() as libc::socklen_t)
    }

    /// Takes the head off what was received so; gives the sender's address.
    pub(super) fn unpack(&self, buf: &mut GroupBuf) -> Option<SocketAddr> {
        let (from, head, len) = match RecvMsgOut::parse(buf, &self.header) {
            Ok(out) => {
                let head = out.payload_data().as_ptr() as usize - buf.as_ptr() as usize;
                (address(out.name_data()), head, out.payload_data().len())
            }
            Err(()) => (None, buf.len(), 0),
        };
        buf.advance(head);
        buf.truncate(len);
        from
    }

    /// To send `pieces`, to `to` where it is given.
    pub(super) fn for_send<'a>(
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
            0 => ptr::null_mut(),
            _ => self.name.as_mut_ptr().cast(),
        };
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = self.pieces.len() as _;
        &raw mut self.header
    }

    /// The sender's address, of what was received.
    pub(super) fn sender(&self) -> Option<SocketAddr> {
        let len = (self.header.msg_namelen as usize).min(size_of::<SocketAddrStorage>());
        // SAFETY: the storage was zeroed when it was made, so that all its bytes can be read.
        address(unsafe { slice::from_raw_parts(self.name.as_ptr().cast::<u8>(), len) })
    }
}

/// The address that the kernel has written, where it is one of the internet's.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let mut storage = MaybeUninit::<SocketAddrStorage>::zeroed();
    if bytes.is_empty() || bytes.len() > size_of::<SocketAddrStorage>() {
        return None;
    }
    // SAFETY: the bytes fit, and they are no part of the fresh storage.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), storage.as_mut_ptr().cast(), bytes.len());
    }
    // SAFETY: the storage is initialised, and the length lies within it.
    let any = unsafe { SocketAddrAny::read(storage.as_ptr(), bytes.len() as u32) };
    SocketAddr::try_from(any).ok()
}
