//! A pass over ranges: reads inline what is resident, keeps the rest rolling on the ring, and
//! lends every byte to the caller once.
//!
//! - [`source`]: what a pass asks of a file and of a queue, as traits.
//! - [`items`]: the ranges of a call, cut and joined into reads.
//! - [`lane`]: the ways to make one read.
//! - [`inline`]: one blocking read, carried to its end.
//! - [`flight`]: queued reads and what became of them.
//! - [`roll`]: the loop that keeps the queue full while it hands over.
//! - [`serial`]: the pass without a ring.
//! - [`sink`]: cuts reads back into the caller's ranges.

#[cfg(test)]
mod fake;
#[cfg(test)]
mod faults;
pub(crate) mod flight;
pub(crate) mod inline;
pub(crate) mod items;
pub(crate) mod lane;
pub(crate) mod roll;
pub(crate) mod serial;
pub(crate) mod sink;
pub(crate) mod source;

use cutwater_sys::Errno;

/// A read that could not be carried to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) errno: Errno,
    pub(crate) offset: u64,
    /// 0 where the queue as a whole failed and not one read.
    pub(crate) len: u64,
}

/// Attempts without progress (`EINTR`, `EAGAIN`) after which a read is given up.
pub(crate) const ATTEMPTS_MAX: u32 = 64;

/// Whether a range is taken to be in the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    Hit,
    Miss,
    /// Not as believed: the plan no longer fits.
    Surprise,
}
