//! Counters that one thread writes and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one writer and any number of readers.
///
/// The writer loads, adds and stores: no locked instruction on the read path. With two
/// writers additions could be lost, so each thread has its own and readers add them up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; only the owning thread may call this.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The count so far; from another thread it may be a moment old.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! read_counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What one thread's reads on one path cost.
        #[derive(Debug, Default)]
        pub struct ReadCounters { $($(#[$doc])* pub $name: Counter,)* }

        /// The values of [`ReadCounters`] at a moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct ReadCounts { $($(#[$doc])* pub $name: u64,)* }

        impl ReadCounters {
            /// The values now.
            #[must_use]
            pub fn get(&self) -> ReadCounts {
                ReadCounts { $($name: self.$name.get(),)* }
            }
        }

        impl ReadCounts {
            /// Nothing counted.
            pub const ZERO: Self = Self { $($name: 0,)* };

            /// Field by field sum.
            #[must_use]
            pub fn plus(self, other: Self) -> Self {
                Self { $($name: self.$name.wrapping_add(other.$name),)* }
            }

            /// Field by field difference to an `earlier` reading.
            #[must_use]
            pub fn since(self, earlier: Self) -> Self {
                Self { $($name: self.$name.wrapping_sub(earlier.$name),)* }
            }
        }
    };
}

read_counters! {
    /// Ranges read.
    ops,
    /// Bytes read.
    bytes,
    /// System calls, including `io_uring_enter(2)`.
    syscalls,
    /// Entries given to the ring.
    sqes,
    /// Calls of `io_uring_enter(2)`.
    enters,
    /// Completions taken from the ring.
    completions,
    /// Reads that were short before the end of the file and were continued.
    continued,
    /// Reads that were tried again: `EINTR`, `EAGAIN`.
    retried,
    /// Reads that fell back to another path.
    fallbacks,
    /// Questions to the kernel about residency.
    probes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_and_subtract_by_field() {
        let c = ReadCounters::default();
        c.ops.add(3);
        c.bytes.add(10);
        let before = c.get();
        c.bytes.add(5);
        let since = c.get().since(before);
        assert_eq!((since.ops, since.bytes), (0, 5));
        assert_eq!(before.plus(since), c.get());
    }
}
