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
    /// order of completions, their delays, short reads and writes, `EINTR` and `EAGAIN`, and so
    /// repeats a failure. Operations on files are carried out for real; time passes only when
    /// nothing else can happen. Operations that wait for a peer fail with `EAGAIN`.
    Fake(u64),
    /// As `Ring`, with a kernel that refuses messages between rings, as those before 5.18 do.
    #[cfg(test)]
    RingWithoutMessages,
}
