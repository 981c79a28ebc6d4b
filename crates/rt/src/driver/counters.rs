//! What a core did, in counts.

/// Classes of delays; the last holds all from 2^31 ns up.
pub(crate) const DELAY_CLASSES: usize = 32;

/// The counts of a core at one moment; see [`crate::counters`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Operations given to the ring.
    pub submitted: u64,
    /// Calls of `io_uring_enter(2)`.
    pub enters: u64,
    /// Completions taken from the ring.
    pub completed: u64,
    /// Times at which there were completions to take.
    pub reaps: u64,
    /// Completions that found the ring's queue full.
    pub overflows: u64,
    /// Operations carried out by the pool.
    pub pooled: u64,
    /// Operations on sockets carried out without a ring, at once or after `epoll(7)`.
    pub readied: u64,
    /// Reads answered from the page cache, without an operation.
    pub inline: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Wakes by a completion or a task of the same thread.
    pub wakes_local: u64,
    /// Wakes by another thread.
    pub wakes_remote: u64,
    /// Times another thread ended the core's sleep.
    pub unparks: u64,
    /// Operations that had to wait, as too many were in flight.
    pub held_back: u64,
    /// Changes between ring and pool.
    pub switches: u64,
    /// Operations in flight now.
    pub in_flight: u64,
    /// Samples of how long tasks waited in the run queue. Class `n` has those of at least 2^n ns and
    /// less than twice that; the last class has all longer ones.
    pub delays: [u64; DELAY_CLASSES],
}
