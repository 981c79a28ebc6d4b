//! One buffer as datagrams of equal length, divided by the kernel (`UDP_SEGMENT`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use cutwater_sys::ring::{Op, Outcome};
use cutwater_sys::udp::{PAYLOAD_BYTES_MAX, SEGMENTS_MAX};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::offload::OffloadRefused;
use super::socket::until_done;
use super::udp::UdpSocket;
use crate::operation::BufResult;

impl UdpSocket {
    /// Sends `buf` to `to` as datagrams of `segment_bytes`; the last has what is left. An empty buffer is
    /// one empty datagram. Up to 64 datagrams, and 65,507 bytes, are one `sendmsg(2)` with
    /// `UDP_SEGMENT`.
    ///
    /// Returns the bytes that were sent, always whole datagrams. They are fewer than `buf` has where the
    /// kernel refused a later datagram, as with `sendmmsg(2)`; sending the rest then meets the error.
    /// Where the kernel does not divide these, they are sent one by one; where it never does,
    /// [`UdpSocket::refused`] has the reason.
    ///
    /// # Errors
    /// As `sendmsg(2)`: `EMSGSIZE` where one datagram is longer than the path takes and may not be
    /// fragmented. `InvalidInput` for segments of 0 bytes.
    pub async fn send_segments_to(
        &self,
        buf: Vec<u8>,
        segment_bytes: usize,
        to: SocketAddr,
    ) -> BufResult {
        self.send_divided(buf, segment_bytes, Some(to)).await
    }

    /// As [`UdpSocket::send_segments_to`], to the peer that the socket is connected to.
    ///
    /// # Errors
    /// The same, and `ECONNREFUSED` where the peer has no such port.
    pub async fn send_segments(&self, buf: Vec<u8>, segment_bytes: usize) -> BufResult {
        self.send_divided(buf, segment_bytes, None).await
    }

    /// Why datagrams that should go or come together do so one by one.
    #[must_use]
    pub fn refused(&self) -> OffloadRefused {
        self.offload.refused()
    }

    async fn send_divided(
        &self,
        mut buf: Vec<u8>,
        segment_bytes: usize,
        to: Option<SocketAddr>,
    ) -> BufResult {
        if segment_bytes == 0 {
            let why = "datagrams of 0 bytes have no number; send one by `send_to`";
            return (Err(io::Error::new(io::ErrorKind::InvalidInput, why)), buf);
        }
        let mut sent = 0;
        // The end of a batch that was refused, and why: its datagrams go one by one.
        let mut refused: Option<(usize, Errno)> = None;
        loop {
            let together = refused.is_none() && self.offload.segments(&self.fd);
            let (end, segment) = next_batch(sent, buf.len(), segment_bytes, together);
            let socket = Arc::clone(&self.fd);
            let op = Op::SendSegments { socket, buf, at: sent, end, segment, to };
            let Outcome { mut op, result, .. } = until_done(&self.fd, PollFlags::OUT, op).await;
            buf = op.take_buf();
            match result {
                Ok(_) => sent = end,
                Err(errno) if segment > 0 && self.offload.go_one_by_one(errno) => {
                    refused = Some((end, errno));
                    continue;
                }
                Err(_) if sent > 0 => return (Ok(sent), buf),
                Err(errno) => return (Err(errno.into()), buf),
            }
            if segment > 0 {
                self.offload.sent_segments();
            }
            if let Some((_, errno)) = refused.take_if(|(until, _)| sent >= *until) {
                self.offload.went_one_by_one(errno);
            }
            if sent >= buf.len() {
                return (Ok(sent), buf);
            }
        }
    }
}

/// Where the next batch ends, and the segment for the kernel: 0 where it is one datagram.
fn next_batch(at: usize, len: usize, segment_bytes: usize, together: bool) -> (usize, u16) {
    let most =
        if together { (PAYLOAD_BYTES_MAX / segment_bytes).clamp(1, SEGMENTS_MAX) } else { 1 };
    let end = at.saturating_add(most.saturating_mul(segment_bytes)).min(len);
    let several = end - at > segment_bytes;
    // Several fit into 65,507 bytes, so each is shorter.
    (end, if several { u16::try_from(segment_bytes).unwrap_or(0) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::next_batch;

    #[test]
    fn batches_keep_to_the_kernels_limits_and_lose_nothing() {
        for segment in
            [1, 2, 63, 64, 1023, 1024, 1200, 9000, 32_753, 32_754, 65_507, 65_508, 70_000]
        {
            for len in [0, 1, segment - 1, segment, segment + 1, 64 * segment, 200_001] {
                for together in [true, false] {
                    let (mut at, mut datagrams) = (0, 0);
                    while at < len {
                        let (end, cut) = next_batch(at, len, segment, together);
                        let bytes = end - at;
                        assert!(bytes > 0 && end <= len);
                        assert!(bytes <= 65_507.max(segment) && bytes.div_ceil(segment) <= 64);
                        assert!(end == len || bytes % segment == 0, "{at} to {end} of {len}");
                        let several = bytes > segment;
                        assert_eq!(usize::from(cut), if several { segment } else { 0 });
                        assert!(together || !several);
                        (at, datagrams) = (end, datagrams + bytes.div_ceil(segment));
                    }
                    assert_eq!(datagrams, len.div_ceil(segment));
                }
            }
        }
    }
}
