//! Latency histograms.

use hdrhistogram::Histogram;

/// A histogram of latencies in nanoseconds, 1 ns to 60 s, with three significant digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// Longer ones count as this long.
const LONGEST_NS: u64 = 60_000_000_000;

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// An empty histogram. It allocates all its memory (about 250 KiB) here and none later.
    #[must_use]
    pub fn new() -> Self {
        match Histogram::new_with_bounds(1, LONGEST_NS, 3) {
            Ok(histogram) => Self(histogram),
            Err(e) => unreachable!("constant bounds, low >= 1, high >= 2 * low, digits <= 5: {e}"),
        }
    }

    /// Records one latency.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns.clamp(1, LONGEST_NS));
    }

    /// Records a latency that was seen `times` times.
    pub fn record_many(&mut self, ns: u64, times: u64) {
        self.0.saturating_record_n(ns.clamp(1, LONGEST_NS), times);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        // Same bounds on both sides, so nothing can fall outside.
        let _ = self.0.add(&other.0);
    }

    /// The latency below which the share `q` (0.0 to 1.0) lies, or none without samples.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(q))
    }

    /// Samples recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_seen_many_times_counts_as_often() {
        let mut h = Latencies::new();
        h.record_many(100, 98);
        h.record_many(5_000, 2);
        assert_eq!((h.len(), h.quantile(0.98), h.quantile(0.0)), (100, Some(100), Some(100)));
        assert!(h.quantile(0.99).is_some_and(|v| (4_990..=5_010).contains(&v)));
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut h = Latencies::new();
        assert_eq!(h.quantile(0.5), None);
        (1..=1000).for_each(|ns| h.record(ns));
        assert_eq!(h.quantile(0.5), Some(500));
        assert!(h.quantile(0.99).is_some_and(|v| (989..=991).contains(&v)));
        h.record(u64::MAX);
        assert!(h.quantile(1.0).is_some_and(|v| v >= 59_000_000_000));
    }
}
