//! Beliefs about the page cache and the pattern, kept per thread and file.

use std::ops::Range;

use crate::choose::facts::{Access, Cached, Probe};

/// Yes-answers in a row after which residency is believed: at nine of ten resident a wrong
/// belief comes about once in 30 rows, and the next sample ends it.
const HITS_TO_BELIEVE: u32 = 32;

/// Bytes that one yes-answer covers; an answer about more counts as several.
const HIT_BYTES: u64 = 64 << 10;

/// Between samples while residency is believed: doubles from the first to the last, so that a
/// wrong belief is found out soon and a right one costs little (one question in 128 reads).
const SAMPLE_EVERY: (u32, u32) = (8, 128);

/// Bytes that may lie between two reads in order, as a multiple of the first one's length: the
/// kernel's read-ahead brings them along, and what it brings in vain costs less than a wait.
const GAP_LENGTHS_MAX: u64 = 4;

/// Whether a read from `start` follows `before` in order, with a small gap at the most.
pub(crate) fn follows(before: &Range<u64>, start: u64) -> bool {
    let len = before.end.saturating_sub(before.start);
    start.checked_sub(before.end).is_some_and(|gap| gap <= len.saturating_mul(GAP_LENGTHS_MAX))
}

/// Reads in order after which a pattern is believed.
const IN_ORDER_TO_BELIEVE: u32 = 2;

/// Beliefs and the evidence for them.
#[derive(Debug, Clone)]
pub(crate) struct Belief {
    cached: Cached,
    hits: u32,
    sample_every: u32,
    until_sample: u32,
    last: Range<u64>,
    in_order: u32,
    jumps: u32,
}

impl Default for Belief {
    fn default() -> Self {
        Self {
            cached: Cached::Unknown,
            hits: 0,
            sample_every: SAMPLE_EVERY.0,
            until_sample: 0,
            last: 0..0,
            in_order: 0,
            jumps: 0,
        }
    }
}

impl Belief {
    pub(crate) fn cached(&self) -> Cached {
        self.cached
    }

    pub(crate) fn access(&self) -> Access {
        match (self.in_order >= IN_ORDER_TO_BELIEVE, self.jumps > 0) {
            (true, _) => Access::Sequential,
            (false, true) => Access::Random,
            (false, false) => Access::Unknown,
        }
    }

    /// Notes a read, for the pattern.
    pub(crate) fn note_read(&mut self, range: &Range<u64>) {
        if self.last.end != 0 && follows(&self.last, range.start) {
            self.in_order = self.in_order.saturating_add(1);
        } else if range.start != self.last.end {
            self.in_order = 0;
            self.jumps = self.jumps.saturating_add(1);
        }
        self.last = range.clone();
    }

    /// Whether to ask about the next range.
    pub(crate) fn asks(&mut self, probe: Probe) -> bool {
        match probe {
            Probe::Never => false,
            Probe::Each => true,
            Probe::Sampled => {
                self.until_sample = self.until_sample.saturating_sub(1);
                self.until_sample == 0
            }
        }
    }

    /// Notes an answer about `bytes`; returns whether the belief changed and with it perhaps the
    /// plan.
    pub(crate) fn note_answer(&mut self, resident: bool, bytes: u64) -> bool {
        let before = self.cached;
        if resident {
            let answers = (bytes / HIT_BYTES).clamp(1, u64::from(HITS_TO_BELIEVE));
            self.hits = self.hits.saturating_add(answers as u32);
            if self.cached == Cached::Yes {
                self.sample_every = (self.sample_every * 2).min(SAMPLE_EVERY.1);
            } else if self.hits >= HITS_TO_BELIEVE {
                self.cached = Cached::Yes;
            }
        } else {
            self.hits = 0;
            self.cached = Cached::NotAll;
            self.sample_every = SAMPLE_EVERY.0;
        }
        self.until_sample = self.sample_every;
        before != self.cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residency_is_believed_after_a_row_of_hits_and_doubted_after_one_miss() {
        let mut b = Belief::default();
        for _ in 1..HITS_TO_BELIEVE {
            assert!(!b.note_answer(true, 4096));
        }
        assert!(b.note_answer(true, 4096));
        assert_eq!(b.cached(), Cached::Yes);
        assert!(b.note_answer(false, 4096));
        assert_eq!(b.cached(), Cached::NotAll);
        for _ in 0..HITS_TO_BELIEVE / 8 {
            b.note_answer(true, 8 * HIT_BYTES);
        }
        assert_eq!(b.cached(), Cached::Yes);
    }

    #[test]
    fn a_believed_residency_is_sampled_ever_more_rarely() {
        let mut b = Belief::default();
        (0..HITS_TO_BELIEVE).for_each(|_| {
            b.note_answer(true, 4096);
        });
        let mut asked = 0;
        for _ in 0..10_000 {
            if b.asks(Probe::Sampled) {
                asked += 1;
                b.note_answer(true, 4096);
            }
        }
        assert!((70..100).contains(&asked), "{asked}");
        assert!(b.asks(Probe::Each) && !b.asks(Probe::Never));
    }

    #[test]
    fn order_is_seen_and_a_jump_ends_it() {
        let mut b = Belief::default();
        assert_eq!(b.access(), Access::Unknown);
        b.note_read(&(0..4));
        b.note_read(&(4..8));
        b.note_read(&(8..12));
        assert_eq!(b.access(), Access::Sequential);
        b.note_read(&(100..104));
        assert_eq!(b.access(), Access::Random);
    }

    #[test]
    fn small_gaps_are_order_and_large_ones_are_jumps() {
        assert!(follows(&(0..100), 100) && follows(&(0..100), 500));
        assert!(!follows(&(0..100), 501) && !follows(&(0..100), 99));
        let mut b = Belief::default();
        // Every second block, as one of two threads sees a file read in turns.
        (0..4).for_each(|i| b.note_read(&(i * 200..i * 200 + 100)));
        assert_eq!(b.access(), Access::Sequential);
    }
}
