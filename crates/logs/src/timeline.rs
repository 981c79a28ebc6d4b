//! When things happened: range, histogram, gaps.

use crate::time::{Nanos, SECOND};

/// How many bars a timeline has at most.
pub const BARS_MAX: usize = 128;

/// A histogram over time whose bars widen as the range grows. A bar is 1 s times a power of
/// two wide and begins at a multiple of its width, so that timelines can be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Earliest and latest time.
    pub range: Option<(Nanos, Nanos)>,
    width_shift: u32,
    /// Number of the first bar, in widths since 1970.
    base: i64,
    counts: Vec<u64>,
}

/// A stretch of time without records, as wide as the histogram resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Its start.
    pub from: Nanos,
    /// Its end.
    pub to: Nanos,
}

impl Timeline {
    /// Counts one moment.
    #[inline]
    pub fn add(&mut self, at: Nanos) {
        let second = at.div_euclid(SECOND);
        self.range = Some(match self.range {
            Some((first, last)) => (first.min(at), last.max(at)),
            None => (at, at),
        });
        let bar = (second >> self.width_shift) - self.base;
        match usize::try_from(bar).ok().and_then(|bar| self.counts.get_mut(bar)) {
            Some(count) => *count += 1,
            None => self.add_outside(second, 1),
        }
    }

    #[cold]
    fn add_outside(&mut self, second: i64, count: u64) {
        if self.counts.is_empty() {
            self.base = second >> self.width_shift;
        }
        loop {
            let bar = second >> self.width_shift;
            let first = self.base.min(bar);
            let last = bar.max(self.base + self.counts.len() as i64 - 1);
            if last - first < BARS_MAX as i64 {
                let before = (self.base - first) as usize;
                self.counts.splice(0..0, std::iter::repeat_n(0, before));
                self.base = first;
                let length = (last - first + 1) as usize;
                self.counts.resize(length, 0);
                self.counts[(bar - first) as usize] += count;
                return;
            }
            self.widen();
        }
    }

    /// Makes bars twice as wide.
    fn widen(&mut self) {
        let base = self.base >> 1;
        let mut wider = vec![0; self.counts.len() / 2 + 1];
        for (at, count) in self.counts.iter().enumerate() {
            wider[(((self.base + at as i64) >> 1) - base) as usize] += count;
        }
        self.counts = wider;
        self.base = base;
        self.width_shift += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        while self.width_shift < other.width_shift {
            self.widen();
        }
        for (at, &count) in other.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            self.add_outside((other.base + at as i64) << other.width_shift, count);
        }
        if let Some((first, last)) = other.range {
            self.range = Some(match self.range {
                Some((f, l)) => (f.min(first), l.max(last)),
                None => (first, last),
            });
        }
    }

    /// The width of a bar, seconds.
    #[must_use]
    pub fn width_s(&self) -> i64 {
        1 << self.width_shift
    }

    /// The bars: when each begins, and its count.
    pub fn bars(&self) -> impl Iterator<Item = (Nanos, u64)> + '_ {
        let start = |at: usize| ((self.base + at as i64) << self.width_shift) * SECOND;
        self.counts.iter().enumerate().map(move |(at, &count)| (start(at), count))
    }

    /// The `n` longest stretches of at least two empty bars, the longest first.
    #[must_use]
    pub fn gaps(&self, n: usize) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut last_full: Option<Nanos> = None;
        let width = self.width_s() * SECOND;
        for (start, _) in self.bars().filter(|(_, count)| *count > 0) {
            let from = last_full.map_or(start, |last| last + width);
            if start - from >= 2 * width {
                gaps.push(Gap { from, to: start });
            }
            last_full = Some(start);
        }
        gaps.sort_by_key(|g| (g.from - g.to, g.from));
        gaps.truncate(n);
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_count_is_lost_however_it_is_split(
            times in proptest::collection::vec(-1_000_000_000i64..4_000_000_000, 1..200),
            split in any::<prop::sample::Index>(),
        ) {
            let mut whole = Timeline::default();
            let (mut a, mut b) = (Timeline::default(), Timeline::default());
            let cut = split.index(times.len());
            for (at, t) in times.iter().enumerate() {
                whole.add(t * SECOND);
                if at < cut { a.add(t * SECOND) } else { b.add(t * SECOND) }
            }
            a.merge(&b);
            prop_assert_eq!(a.range, whole.range);
            for timeline in [&a, &whole] {
                prop_assert_eq!(timeline.bars().map(|b| b.1).sum::<u64>(), times.len() as u64);
                prop_assert!(timeline.bars().count() <= BARS_MAX);
            }
            for (start, count) in a.bars() {
                let end = start + a.width_s() * SECOND;
                let want = times.iter().filter(|&&t| (start..end).contains(&(t * SECOND))).count();
                prop_assert_eq!(count, want as u64);
            }
        }
    }

    #[test]
    fn the_longest_gap_comes_first() {
        let mut timeline = Timeline::default();
        for t in [0, 1, 2, 10, 11, 40] {
            timeline.add(t * SECOND);
        }
        let gaps = timeline.gaps(5);
        assert_eq!(gaps[0], Gap { from: 12 * SECOND, to: 40 * SECOND });
        assert_eq!(gaps[1], Gap { from: 3 * SECOND, to: 10 * SECOND });
    }
}
