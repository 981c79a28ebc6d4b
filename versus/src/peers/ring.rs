//! Whether the kernel gives this process a ring at all.

use io_uring::IoUring;

use super::PeerError;

/// Entries of the ring that is asked for and given back.
const PROBE_ENTRIES: u32 = 8;

/// Asks for a ring, so that a refusal is an error here and no panic in a peer.
pub(crate) fn probe() -> Result<(), PeerError> {
    match IoUring::new(PROBE_ENTRIES) {
        Ok(_ring) => Ok(()),
        Err(e) => Err(PeerError::Unavailable(format!(
            "io_uring is refused on this host ({e}); likely cause: the kernel.io_uring_disabled \
             sysctl or a seccomp filter; see `cutwater doctor`"
        ))),
    }
}
