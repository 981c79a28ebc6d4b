//! What the paths ask of the kernel, one attempt at a time.
//!
//! Everything above this line (continuing short reads, retries, fallbacks, order) is written
//! once against these two traits, and tested through a fake that cuts, delays and fails.

use std::ops::Range;

use cutwater_sys::Errno;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::Vectors;
use cutwater_sys::ring::{Completion, PushError};

use super::lane::Lane;

/// A file as the paths see it.
pub(crate) trait Source {
    /// Its size now.
    fn size(&self) -> Result<u64, Errno>;

    /// One blocking attempt: bytes read, 0 at the end of the file; may be fewer than asked. In
    /// [`Lane::DirectRead`] address, offset and length are aligned by [`Source::align`].
    fn read(&self, lane: Lane, buf: &mut [u8], offset: u64) -> Result<usize, Errno>;

    /// One vectored attempt through the page cache into the slots of `buf`.
    fn read_slots(
        &self,
        vectors: &mut Vectors,
        buf: &mut Buffer,
        slot_bytes: usize,
        lens: &[usize],
        offset: u64,
    ) -> Result<usize, Errno>;

    /// Whether every page of `range` is in the page cache.
    fn is_resident(&self, range: Range<u64>) -> Result<bool, Errno>;

    /// What direct reads must be aligned to, bytes; none where the file takes no direct reads.
    fn align(&self) -> Option<u64>;
}

/// A queue of reads, as the paths see it.
pub(crate) trait Queue<S: Source> {
    /// Cuts the memory into slots of at least `slot_bytes`; returns how many there are.
    fn cut(&mut self, slot_bytes: usize) -> Result<usize, Errno>;

    /// Queues a read into a free slot.
    fn push(&mut self, source: &S, read: &QueuedRead) -> Result<(), PushError>;

    /// Submits, and waits until `want` have ended.
    fn submit_and_wait(&mut self, want: usize) -> Result<(), Errno>;

    /// Takes what has ended.
    fn reap(&mut self, out: &mut Vec<Completion>) -> usize;

    /// The bytes of a slot that is not in flight.
    fn bytes(&self, slot: u32) -> Option<&[u8]>;

    /// Cancels all and waits until no buffer is in use.
    fn quiesce(&mut self) -> Result<(), Errno>;
}

/// A read for a [`Queue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueuedRead {
    pub(crate) slot: u32,
    /// Where in the slot the bytes go.
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) offset: u64,
    pub(crate) direct: bool,
    pub(crate) fixed: bool,
}
