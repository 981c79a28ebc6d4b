//! What a cache did, counted without the threads waiting for each other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Copies of each counter; threads beyond this share, which costs time and no counts.
const STRIPES: usize = 16;

macro_rules! hot_counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a [`HotFiles`](super::HotFiles) did since it was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Debug, Clone, Copy)]
        #[allow(non_camel_case_types)]
        pub(super) enum Count { $($name,)* }

        const COUNTS: usize = [$(Count::$name,)*].len();

        impl Counters {
            pub(super) fn get(&self) -> Snapshot {
                Snapshot { $($name: self.sum(Count::$name),)* }
            }
        }
    };
}

hot_counts! {
    /// Answers from memory without reading the file.
    hits,
    /// Files that were not in the cache and were read.
    misses,
    /// Files in the cache that had changed and were read again.
    refreshes,
    /// Comparisons with the file by `statx(2)`.
    rechecks,
    /// Entries that made room for others, or were not let in.
    evictions,
    /// Entries that an event of `inotify(7)` ended.
    invalidations,
    /// Times the queue of events was emptied.
    drains,
    /// Times the queue of events had overflowed, which ends every watched entry.
    overflows,
    /// Times the table of mounts changed, which ends every watched entry.
    remounts,
    /// Entries that came to be watched.
    watched,
    /// Entries that could not be watched and fell back to `statx(2)` once per bound: a
    /// network or unknown file system, the limit of watches, a path in motion.
    unwatched,
    /// Reads that were repeated because the file changed meanwhile.
    rereads,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; COUNTS]);

/// The counters of one cache.
#[derive(Debug, Default)]
pub(super) struct Counters([Stripe; STRIPES]);

impl Counters {
    pub(super) fn add(&self, count: Count, n: u64) {
        let stripe = STRIPE.with(|s| *s);
        self.0[stripe % STRIPES].0[count as usize].fetch_add(n, Ordering::Relaxed);
    }

    fn sum(&self, count: Count) -> u64 {
        let values = self.0.iter().map(|s| s.0[count as usize].load(Ordering::Relaxed));
        values.fold(0, u64::wrapping_add)
    }
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_of_many_threads_are_all_there() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..1000).for_each(|_| counters.add(Count::hits, 1)));
            }
        });
        let got = counters.get();
        assert_eq!((got.hits, got.misses), (2 * STRIPES as u64 * 1000, 0));
    }
}
