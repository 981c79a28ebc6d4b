//! What the kernel says about a datagram beside its bytes.
//!
//! # Safety
//! Addresses and control messages are copied out of the bytes that the kernel wrote, which are borrowed.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ptr;

use rustix::net::SocketAddrAny;
use rustix::net::addr::SocketAddrStorage;

/// Most bytes of a head in a buffer that the kernel picked: `io_uring_recvmsg_out`, an
/// address, and a control message.
pub const DATAGRAM_HEAD_BYTES: usize = 16 + 128 + 24;

/// What `recvmsg(2)` says about a datagram beside its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatagramHead {
    /// Its sender.
    pub from: Option<SocketAddr>,
    /// Bytes of each of several datagrams that came together, the last perhaps shorter (`UDP_GRO`);
    /// `None` if there is one.
    pub segment: Option<u16>,
    /// It was longer than the buffer (`MSG_TRUNC`); the rest is lost.
    pub truncated: bool,
}

/// The length of each of several datagrams, where the first control message has it: no other was
/// asked for, and there is room for one only.
pub(super) fn segment_in(control: &[u8]) -> Option<u16> {
    let (head, data) = control.split_at_checked(size_of::<libc::cmsghdr>())?;
    // SAFETY: `head` has that many bytes, and any are a valid `cmsghdr`, which is made of numbers.
    let head = unsafe { head.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
    let is_segment = (head.cmsg_level, head.cmsg_type) == (libc::SOL_UDP, libc::UDP_GRO);
    let value = libc::c_int::from_ne_bytes(*data.first_chunk()?);
    u16::try_from(value).ok().filter(|bytes| is_segment && *bytes > 0)
}

/// The address that the kernel wrote, where it is an internet address.
pub(super) fn address(bytes: &[u8]) -> Option<SocketAddr> {
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
