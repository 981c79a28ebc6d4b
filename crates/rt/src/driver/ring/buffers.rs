//! The buffers that a core's sockets share, for multishot receives.

use cutwater_sys::ring::DATAGRAM_HEAD_BYTES;
use cutwater_sys::udp::COALESCED_BYTES_MAX;

/// Buffers of a core for multishot receives, by default. An idle connection holds none of them.
pub(crate) const SHARED_BUFFERS_DEFAULT: u16 = 512;

/// The most of them: 64 MiB.
const COUNT_MAX: u16 = 8192;

/// Bytes of each. Small messages fit; for larger ones it is faster to receive into the caller's buffer
/// (docs/net.md).
pub(crate) const SHARED_BUFFER_BYTES: u32 = 8192;

/// Buffers of a core for coalesced datagrams, made when a socket first asks.
const COALESCED_COUNT: u16 = 16;

/// Bytes of each: as many as come together, and the head.
const COALESCED_BYTES: u32 = 66 << 10;
const _: () = assert!(COALESCED_BYTES as usize >= COALESCED_BYTES_MAX + DATAGRAM_HEAD_BYTES);

/// Which of a core's shared buffers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SharedBuffers {
    /// For bytes of streams, and single datagrams.
    Small,
    /// For datagrams of one peer that come together.
    Coalesced,
}

impl SharedBuffers {
    /// The number of buffers if `small` are wanted, a power of two, and the bytes of each.
    pub(super) fn size(self, small: u16) -> (u16, u32) {
        let small = small.clamp(1, COUNT_MAX).next_power_of_two();
        match self {
            Self::Small => (small, SHARED_BUFFER_BYTES),
            Self::Coalesced => (small.min(COALESCED_COUNT), COALESCED_BYTES),
        }
    }
}
