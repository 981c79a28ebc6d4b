//! How many rounds a claim gets: some, and more of a noisy one while there is time.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Rounds of one comparison at the most.
pub(super) const ROUNDS_MAX: usize = 40;

/// Time of all claims together, unless said,
const TIME: Duration = Duration::from_secs(10 * 60);
/// and with `--quick`.
const TIME_QUICK: Duration = Duration::from_secs(2 * 60);
/// The share of it that measuring takes; flame graphs and pages are made after it.
const SHARE: f64 = 0.9;

/// What claims are given.
#[derive(Debug)]
pub(super) struct Effort {
    rounds: usize,
    /// When all has to be done.
    end: Instant,
    /// What is kept back for each claim that is still to come,
    reserve: Duration,
    /// and what one claim may use beyond its first rounds.
    extra_max: Duration,
    /// The same of the claim in hand, as far as it is left.
    extra: Cell<Duration>,
    /// When the claim in hand has to be done.
    until: Cell<Instant>,
}

impl Effort {
    pub(super) fn new(quick: bool, rounds: Option<usize>, time: Option<Duration>) -> Self {
        let time = time.unwrap_or(if quick { TIME_QUICK } else { TIME });
        let now = Instant::now();
        let end = now + time.mul_f64(SHARE);
        let seconds = |full, quick_ones| Duration::from_secs(if quick { quick_ones } else { full });
        Self {
            rounds: rounds.unwrap_or(if quick { 3 } else { 7 }),
            end,
            reserve: seconds(8, 2),
            extra_max: seconds(45, 8),
            extra: Cell::new(Duration::ZERO),
            until: Cell::new(now),
        }
    }

    /// What is measured next is a claim after which `left` others come.
    pub(super) fn begin(&self, left: usize) {
        self.extra.set(self.extra_max);
        let kept = self.reserve.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        self.until.set(self.end.checked_sub(kept).unwrap_or_else(Instant::now));
    }

    /// Rounds of a comparison that are made in any case.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// Whether there is time for another round after `rounds`, the last of which took `took`.
    pub(super) fn allows(&self, rounds: usize, took: Duration) -> bool {
        let left = self.until.get().saturating_duration_since(Instant::now());
        rounds < ROUNDS_MAX && took <= self.extra.get().min(left)
    }

    /// A round was made beyond those that are made in any case.
    pub(super) fn spent(&self, took: Duration) {
        self.extra.set(self.extra.get().saturating_sub(took));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_secs(1);

    #[test]
    fn a_noisy_claim_gets_more_until_what_it_may_use_is_spent() {
        let effort = Effort::new(false, None, None);
        effort.begin(0);
        let mut more = 0;
        while effort.allows(7, ROUND) {
            effort.spent(ROUND);
            more += 1;
        }
        assert_eq!(more, 45);
        effort.begin(0);
        assert!(effort.allows(7, ROUND) && !effort.allows(ROUNDS_MAX, ROUND));
        assert!(!effort.allows(7, 46 * ROUND));
    }

    #[test]
    fn the_time_of_those_that_are_to_come_is_kept_for_them() {
        let effort = Effort::new(false, None, None);
        effort.begin(30);
        assert!(effort.allows(7, ROUND));
        effort.begin(600);
        assert!(!effort.allows(7, ROUND));
    }

    #[test]
    fn no_time_is_no_round_beyond_those_that_were_asked_for() {
        let effort = Effort::new(true, Some(1), Some(Duration::ZERO));
        effort.begin(0);
        assert_eq!((effort.rounds(), effort.allows(1, Duration::from_nanos(1))), (1, false));
    }
}
