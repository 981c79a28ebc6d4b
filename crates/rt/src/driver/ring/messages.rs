//! Messages from this ring to those of other cores, which wake them (`IORING_OP_MSG_RING`).

use std::io;

use cutwater_sys::ring::OpKey;
use rustix::io::Errno;

/// The message that was sent last, and whether the kernel takes any.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The key of the message that is not known to have arrived.
    sent: Option<OpKey>,
    /// The kernel has no messages between rings, or refuses them.
    refused: bool,
}

impl Messages {
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn record_sent(&mut self, key: OpKey) {
        self.sent = Some(key);
    }

    /// A message has ended. An error that the next one would meet too is remembered.
    pub(super) fn record_end(&mut self, key: OpKey, result: Result<u32, Errno>) {
        let Err(errno) = result else {
            self.sent = self.sent.filter(|last| *last != key);
            return;
        };
        // Other errors pass: the other ring is full, or going away.
        let lasts = [Errno::INVAL, Errno::OPNOTSUPP, Errno::ACCESS, Errno::PERM].contains(&errno);
        if lasts && !self.refused {
            self.refused = true;
            let why = io::Error::from(errno);
            tracing::info!(%why, "no IORING_OP_MSG_RING: cores wake each other by eventfd");
        }
    }

    /// Whether the message that was sent last has arrived; it is forgotten either way.
    pub(super) fn has_arrived(&mut self) -> bool {
        self.sent.take().is_none()
    }
}
