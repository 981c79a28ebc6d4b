//! Latencies counted in fixed buckets; one thread writes them, and a scrape adds them up.

use crate::Counter;

/// Buckets, without the last, which has no bound.
const BOUNDED: usize = 23;

/// Upper bounds of the buckets, nanoseconds, inclusive. 10 us and 100 us are among them: they
/// separate page faults served from memory from those that waited for a device.
pub const BUCKET_BOUNDS_NS: [u64; BOUNDED] = [
    250,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
];

/// A histogram with one writer and any number of readers; 200 bytes.
#[derive(Debug, Default)]
pub struct Buckets {
    counts: [Counter; BOUNDED],
    above: Counter,
    sum_ns: Counter,
}

/// The values of [`Buckets`] at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketCounts {
    /// Latencies in each bucket alone; the last is above all bounds.
    counts: [u64; BOUNDED],
    above: u64,
    /// Sum of all latencies, nanoseconds.
    pub sum_ns: u64,
}

impl Buckets {
    /// Counts one latency; only the owning thread may call this.
    pub fn record(&self, ns: u64) {
        let at = BUCKET_BOUNDS_NS.partition_point(|bound| *bound < ns);
        self.counts.get(at).unwrap_or(&self.above).add(1);
        self.sum_ns.add(ns);
    }

    /// The values now; from another thread they may be a moment old.
    #[must_use]
    pub fn get(&self) -> BucketCounts {
        BucketCounts {
            counts: std::array::from_fn(|i| self.counts[i].get()),
            above: self.above.get(),
            sum_ns: self.sum_ns.get(),
        }
    }
}

impl BucketCounts {
    /// Nothing counted.
    pub const ZERO: Self = Self { counts: [0; BOUNDED], above: 0, sum_ns: 0 };

    /// Bucket by bucket sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            counts: std::array::from_fn(|i| self.counts[i].wrapping_add(other.counts[i])),
            above: self.above.wrapping_add(other.above),
            sum_ns: self.sum_ns.wrapping_add(other.sum_ns),
        }
    }

    /// Latencies counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(self.above, |sum, n| sum.wrapping_add(*n))
    }

    /// Latencies in each bucket alone; the last is above all bounds.
    #[cfg(feature = "otlp")]
    pub(crate) fn each(&self) -> impl Iterator<Item = u64> + '_ {
        self.counts.iter().copied().chain([self.above])
    }

    /// Each bound, nanoseconds, with how many latencies are at or below it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        BUCKET_BOUNDS_NS.iter().zip(&self.counts).scan(0u64, |sum, (bound, n)| {
            *sum = sum.wrapping_add(*n);
            Some((*bound, *sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_in_the_bucket_whose_bound_it_does_not_pass() {
        let buckets = Buckets::default();
        for ns in [0, 250, 251, 10_000, 10_001, 5_000_000_001] {
            buckets.record(ns);
        }
        let counts = buckets.get();
        let at_or_below = |bound| counts.cumulative().find(|(b, _)| *b == bound).unwrap().1;
        assert_eq!([250, 500, 10_000, 20_000, 5_000_000_000].map(at_or_below), [2, 3, 4, 5, 5]);
        assert_eq!((counts.count(), counts.sum_ns), (6, 5_000_020_503));
    }

    #[test]
    fn histograms_add_up_bucket_by_bucket() {
        let (a, b) = (Buckets::default(), Buckets::default());
        a.record(300);
        b.record(300);
        b.record(u64::MAX / 2);
        let sum = BucketCounts::ZERO.plus(a.get()).plus(b.get());
        assert_eq!(sum.count(), 3);
        assert_eq!(sum.cumulative().nth(1), Some((500, 2)));
    }
}
