//! Messages from this ring to those of other cores, which wake them (`IORING_OP_MSG_RING`).

use std::io;

use cutwater_sys::ring::OpKey;
use rustix::io::Errno;

/// The message under way, and whether the kernel takes any.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The key of a message that has not arrived as far as is known.
    under_way: Option<OpKey>,
    /// The kernel has no messages between rings, or refuses them.
    refused: bool,
}

impl Messages {
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn sent(&mut self, key: OpKey) {
        self.under_way = Some(key);
    }

    /// A message has ended. An error that the next one would meet too is remembered.
    pub(super) fn ended(&mut self, key: OpKey, result: Result<u32, Errno>) {
        let Err(errno) = result else {
            self.under_way = self.under_way.filter(|sent| *sent != key);
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
        self.under_way.take().is_none()
    }
}
