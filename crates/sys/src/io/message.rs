//! Headers of `sendmsg(2)` and `recvmsg(2)`: pointers to the bytes and to the address.
//!
//! # Safety
//! A header holds addresses of buffers that it does not own. It is only given to the kernel
//! together with their owner, in one flight, and filled in again before each use.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::{ptr, slice};

use io_uring::types::RecvMsgOut;
use rustix::net::SocketAddrAny;
use rustix::net::addr::{SocketAddrArg, SocketAddrStorage};

use super::datagram::{DATAGRAM_HEAD_BYTES, DatagramHead, address, segment_in};

/// Most pieces of one vectored send (`UIO_MAXIOV`).
const PIECES_MAX: usize = 1024;

/// Room for one control message of an `int` (`CMSG_SPACE`), aligned as its header must be.
type Control = [u64; 3];

const _: () = {
    // SAFETY: it is arithmetic on a length.
    let space = unsafe { libc::CMSG_SPACE(size_of::<libc::c_int>() as u32) };
    assert!(size_of::<Control>() >= space as usize);
    assert!(align_of::<Control>() >= align_of::<libc::cmsghdr>());
    assert!(DATAGRAM_HEAD_BYTES == 16 + size_of::<SocketAddrStorage>() + size_of::<Control>());
};

/// A header and what it refers to, except the bytes. Boxed, so that its address does not change.
pub(crate) struct Message {
    header: libc::msghdr,
    pieces: Vec<libc::iovec>,
    name: MaybeUninit<SocketAddrStorage>,
    control: Control,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("pieces", &self.pieces.len()).finish_non_exhaustive()
    }
}

impl Message {
    pub(crate) fn new() -> Box<Self> {
        // SAFETY: all-zero bytes are a valid `msghdr`: null pointers and lengths of 0.
        let header = unsafe { mem::zeroed() };
        let (name, control) = (MaybeUninit::zeroed(), Control::default());
        Box::new(Self { header, pieces: Vec::new(), name, control })
    }

    /// Fills it in for a receive into `buf` with the sender's address; with `coalesced`, also with the
    /// length of each of several datagrams that come together.
    pub(crate) fn for_receive(&mut self, buf: &mut [u8], coalesced: bool) -> *mut libc::msghdr {
        self.pieces.clear();
        self.pieces.push(libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() });
        self.finish_to_receive(coalesced)
    }

    /// Fills it in for receives of one datagram after another, each with its sender's address, into
    /// buffers that the kernel picks.
    pub(crate) fn for_many(&mut self, coalesced: bool) -> *mut libc::msghdr {
        self.pieces.clear();
        self.finish_to_receive(coalesced)
    }

    fn finish_to_receive(&mut self, coalesced: bool) -> *mut libc::msghdr {
        let control_len = if coalesced { size_of::<Control>() } else { 0 };
        self.finish(size_of::<SocketAddrStorage>() as libc::socklen_t, control_len)
    }

    /// Reads a buffer that the kernel picked: the head, and where in it the datagram is.
    pub(crate) fn unpack(&self, buf: &[u8]) -> (DatagramHead, Range<usize>) {
        let Ok(out) = RecvMsgOut::parse(buf, &self.header) else {
            return (DatagramHead::default(), buf.len()..buf.len());
        };
        let start = out.payload_data().as_ptr() as usize - buf.as_ptr() as usize;
        let from = address(out.name_data());
        let segment = segment_in(out.control_data());
        let truncated = out.is_payload_truncated();
        (DatagramHead { from, segment, truncated }, start..start + out.payload_data().len())
    }

    /// Fills it in for a send of `pieces`, to `to` where it is given; with a `segment`, as datagrams of
    /// that many bytes.
    pub(crate) fn for_send<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        to: Option<&SocketAddrAny>,
        segment: Option<u16>,
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
        let control_len = segment.map_or(0, |bytes| self.put_segment(bytes));
        self.finish(len, control_len)
    }

    /// Writes the control message by which the kernel cuts the bytes; returns its length.
    fn put_segment(&mut self, bytes: u16) -> usize {
        // SAFETY: all-zero bytes are a valid `cmsghdr`, which is made of numbers.
        let mut head: libc::cmsghdr = unsafe { mem::zeroed() };
        // SAFETY: it is arithmetic on a length.
        head.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<u16>() as u32) } as _;
        (head.cmsg_level, head.cmsg_type) = (libc::SOL_UDP, libc::UDP_SEGMENT);
        let start = self.control.as_mut_ptr().cast::<libc::cmsghdr>();
        // SAFETY: a `Control` is large enough and aligned for a header and an `int` after it
        // (asserted above), and is borrowed mutably.
        unsafe { start.write(head) };
        let value = start.wrapping_add(1).cast::<u16>();
        // SAFETY: as above; data begin where the header ends, as its size is a multiple of its
        // alignment.
        unsafe { value.write(bytes) };
        // SAFETY: it is arithmetic on a length.
        unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) as usize }
    }

    fn finish(&mut self, name_len: libc::socklen_t, control_len: usize) -> *mut libc::msghdr {
        self.header.msg_control = match control_len {
            0 => ptr::null_mut(),
            _ => self.control.as_mut_ptr().cast(),
        };
        self.header.msg_controllen = control_len as _;
        self.header.msg_flags = 0;
        self.header.msg_namelen = name_len;
        self.header.msg_name = match name_len {
            0 => ptr::null_mut(),
            _ => self.name.as_mut_ptr().cast(),
        };
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = self.pieces.len() as _;
        &raw mut self.header
    }

    /// What the kernel wrote besides the bytes that it received.
    pub(crate) fn head(&self) -> DatagramHead {
        let len = (self.header.msg_namelen as usize).min(size_of::<SocketAddrStorage>());
        // SAFETY: the storage was zeroed when it was made, so that all its bytes can be read.
        let from = address(unsafe { slice::from_raw_parts(self.name.as_ptr().cast::<u8>(), len) });
        let control: &[u64] = &self.control;
        #[allow(clippy::unnecessary_cast, reason = "it is a u32 with musl")]
        let len = (self.header.msg_controllen as usize).min(size_of_val(control));
        // SAFETY: bytes of numbers can be read as bytes, and the length is theirs at most.
        let messages = unsafe { slice::from_raw_parts(control.as_ptr().cast::<u8>(), len) };
        let truncated = self.header.msg_flags & libc::MSG_TRUNC != 0;
        DatagramHead { from, segment: segment_in(messages), truncated }
    }
}
