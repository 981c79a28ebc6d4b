//! Datagrams that go through the kernel together (`udp(7)`): `UDP_SEGMENT` and `UDP_GRO`.
//!
//! One call sends up to [`SEGMENTS_MAX`] datagrams of equal length to one peer. They pass the stack as
//! one and are cut at its end, by the device where it can. In the other direction, one call receives
//! datagrams of one peer that arrived together.
//!
//! # Safety
//! Headers are filled in for one call from borrowed buffers, which outlive it; options are
//! integers on the stack.
#![allow(unsafe_code)]

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use rustix::net::addr::SocketAddrArg;
use rustix::net::{RecvFlags, SendFlags};

use super::datagram::DatagramHead;
use super::message::Message;
use crate::{Result, last_errno};

/// Most datagrams of one call; every kernel since Linux 4.18 takes as many.
pub const SEGMENTS_MAX: usize = 64;

/// Most bytes of one call, and of one datagram over IPv4: 65,535 less both headers.
pub const PAYLOAD_BYTES_MAX: usize = 65_507;

/// Most bytes that are received together.
pub const COALESCED_BYTES_MAX: usize = 65_535;

/// Whether the kernel knows `UDP_SEGMENT` (Linux 4.18). An older one ignores the control message and
/// sends everything as one datagram.
///
/// # Errors
/// `ENOPROTOOPT` where it does not; `EOPNOTSUPP` for sockets of other kinds.
pub fn knows_segments(socket: impl AsFd) -> Result<()> {
    let (mut value, mut len): (libc::c_int, _) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    let fd = socket.as_fd().as_raw_fd();
    let value = (&raw mut value).cast();
    // SAFETY: the descriptor is borrowed, and the kernel writes `len` bytes at most, which `value`
    // has.
    match unsafe { libc::getsockopt(fd, libc::SOL_UDP, libc::UDP_SEGMENT, value, &raw mut len) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// From now on, datagrams of one peer that arrived together are received together (`UDP_GRO`, Linux
/// 5.0). The receiver must then ask how long each is.
///
/// # Errors
/// `ENOPROTOOPT` where the kernel does not know it; `EOPNOTSUPP` for sockets of other kinds.
pub fn coalesce(socket: impl AsFd) -> Result<()> {
    let on: libc::c_int = 1;
    let (fd, len) = (socket.as_fd().as_raw_fd(), size_of_val(&on) as libc::socklen_t);
    let value = (&raw const on).cast();
    // SAFETY: the descriptor is borrowed, and the kernel reads the `len` bytes of `on`.
    match unsafe { libc::setsockopt(fd, libc::SOL_UDP, libc::UDP_GRO, value, len) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// Sends `bytes` as datagrams of `segment` bytes (the last may be shorter), or as one where `segment` is
/// none. It sends to the connected peer where `to` is none.
///
/// # Errors
/// As `sendmsg(2)`. With a segment: `EINVAL` or `EMSGSIZE` where it does not fit the path or
/// there are more than [`SEGMENTS_MAX`], `EIO` where the device makes no checksums.
pub fn send_segments(
    socket: impl AsFd,
    bytes: &[u8],
    segment: Option<u16>,
    to: Option<&SocketAddr>,
    flags: SendFlags,
) -> Result<usize> {
    let mut message = Message::new();
    let to = to.map(SocketAddrArg::as_any);
    let header = message.for_send(std::iter::once(bytes), to.as_ref(), segment);
    let flags = flags.bits() as libc::c_int;
    // SAFETY: the header refers to `bytes`, which are borrowed, and to its own message, which lives
    // until after the call; the kernel reads both.
    let sent = unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), header, flags) };
    usize::try_from(sent).map_err(|_| last_errno())
}

/// Receives one datagram into `buf`, or several of one peer that came together. The head says how long
/// each is.
///
/// # Errors
/// As `recvmsg(2)`.
pub fn recv_segments(
    socket: impl AsFd,
    buf: &mut [u8],
    flags: RecvFlags,
) -> Result<(usize, DatagramHead)> {
    let mut message = Message::new();
    let header = message.for_receive(buf, true);
    let flags = flags.bits() as libc::c_int;
    // SAFETY: the header refers to `buf`, which is borrowed mutably, and to its own message, which
    // lives until after the call; the kernel writes no more than the lengths in it.
    let received = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), header, flags) };
    let n = usize::try_from(received).map_err(|_| last_errno())?;
    Ok((n, message.head()))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn pair(address: &str) -> Option<(UdpSocket, UdpSocket)> {
        match (UdpSocket::bind(address), UdpSocket::bind(address)) {
            (Ok(one), Ok(other)) => Some((one, other)),
            _ => {
                println!("skipped: no {address}");
                None
            }
        }
    }

    #[test]
    fn segments_arrive_as_datagrams_and_come_together_on_request() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Some((one, other)) = pair(address) else { continue };
            if let Err(e) = knows_segments(&one) {
                return println!("skipped: no UDP_SEGMENT here: {e}");
            }
            let to = other.local_addr().unwrap();
            let sent: Vec<u8> = (0..=249).collect();
            let send = || send_segments(&one, &sent, Some(100), Some(&to), SendFlags::empty());
            let mut buf = [0; 300];
            assert_eq!(send(), Ok(250));
            for piece in sent.chunks(100) {
                assert_eq!(other.recv(&mut buf).unwrap(), piece.len());
                assert_eq!(&buf[..piece.len()], piece);
            }
            if let Err(e) = coalesce(&other) {
                return println!("skipped: no UDP_GRO here: {e}");
            }
            let from = one.local_addr().ok();
            assert_eq!(send(), Ok(250));
            let head = DatagramHead { from, segment: Some(100), truncated: false };
            assert_eq!(recv_segments(&other, &mut buf, RecvFlags::empty()), Ok((250, head)));
            assert_eq!(buf[..250], sent);
            // A single datagram has no segments; the head says that it was cut.
            one.send_to(&sent, to).unwrap();
            let head = DatagramHead { from, segment: None, truncated: true };
            let received = recv_segments(&other, &mut buf[..30], RecvFlags::empty());
            assert_eq!(received, Ok((30, head)));
        }
    }

    #[test]
    fn sockets_of_other_kinds_are_refused() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(knows_segments(&tcp).is_err());
        assert!(coalesce(&tcp).is_err());
    }
}
