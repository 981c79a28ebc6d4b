//! The choice of what carries operations out.

/// What carries operations out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The ring, or the pool where the host refuses a ring.
    #[default]
    Auto,
    /// The ring; an error where the host refuses it.
    Ring,
    /// A pool of blocking threads, and `epoll(7)` for sockets.
    Pool,
    /// A simulated kernel and clock, for tests of programs that run on this crate. The seed decides the
    /// order of completions, their delays, short transfers, `EINTR` and `EAGAIN`, and so repeats a failure
    /// (docs/runtime.md, "Simulation"). Operations are carried out for real; time passes only when nothing
    /// else can happen.
    Fake(u64),
    /// As `Fake`, with more faults: operations fail (`EIO`, `ENOSPC`, `EMFILE`, `ECONNRESET`), find
    /// no room, or take seconds, and the clock jumps. On one core a deadlock ends the program:
    /// [`crate::Runtime::try_block_on`] returns `EDEADLK`.
    FakeFailing(u64),
    /// As `Ring`, with a kernel that refuses messages between rings, as those before 5.18 do.
    #[cfg(test)]
    RingWithoutMessages,
}

impl Backend {
    /// The seed of a simulated kernel, and whether it fails operations.
    pub(crate) fn simulated(self) -> Option<(u64, bool)> {
        match self {
            Self::Fake(seed) => Some((seed, false)),
            Self::FakeFailing(seed) => Some((seed, true)),
            _ => None,
        }
    }
}
