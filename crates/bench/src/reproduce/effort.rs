//! How many rounds a claim gets: a number that is fixed before its first counted round.

use std::cell::Cell;
use std::time::{Duration, Instant};

use cutwater_lab::{ROUNDS_MIN, rounds_within};

/// Rounds of one comparison at most,
pub(super) const ROUNDS_MAX: usize = 40;
/// and with `--quick`, unless `--rounds` asks for more.
const ROUNDS_MAX_QUICK: usize = 12;
/// Rounds that are made even if there is no time.
const ROUNDS_FEWEST: usize = 2;

/// Time for all claims together by default,
const TIME: Duration = Duration::from_secs(10 * 60);
/// and with `--quick`.
const TIME_QUICK: Duration = Duration::from_secs(2 * 60);
/// The share of it that measuring takes; flame graphs and pages are made after it.
const SHARE: f64 = 0.9;

/// The time for all claims, and the part of it for the current one.
#[derive(Debug)]
pub(super) struct Effort {
    quick: bool,
    /// What `--rounds` says.
    least: Option<usize>,
    /// When all claims have to be done.
    end: Instant,
    /// When the current claim has used its equal share of the time that was left.
    fair_end: Instant,
    /// When it has used what the claims after it can do without.
    last_end: Instant,
    /// Rounds of the last comparison.
    planned: Cell<usize>,
}

impl Effort {
    pub(super) fn new(quick: bool, least: Option<usize>, time: Option<Duration>) -> Self {
        let time = time.unwrap_or(if quick { TIME_QUICK } else { TIME });
        let now = Instant::now();
        let planned = Cell::new(ROUNDS_FEWEST);
        let end = now + time.mul_f64(SHARE);
        Self { quick, least, end, fair_end: now, last_end: now, planned }
    }

    /// The next comparisons belong to a claim after which `left` others come.
    pub(super) fn begin(&mut self, left: usize) {
        let now = Instant::now();
        let left = u32::try_from(left).unwrap_or(u32::MAX - 1);
        let reserve = Duration::from_secs(if self.quick { 2 } else { 8 });
        self.fair_end = now + self.end.saturating_duration_since(now) / (left + 1);
        self.last_end = self.end.checked_sub(reserve.saturating_mul(left)).unwrap_or(now);
    }

    /// Rounds of the next comparison, whose uncounted round took `round`: as many as fit into the
    /// claim's equal share of the time. Where these are too few for an interval, the claim may
    /// use what the claims after it can do without.
    pub(super) fn plan(&self, round: Duration) -> usize {
        let now = Instant::now();
        let most = if self.quick { ROUNDS_MAX_QUICK } else { ROUNDS_MAX };
        let within =
            |end: Instant, most| rounds_within(end.saturating_duration_since(now), round, 0, most);
        let least = self.least.unwrap_or_else(|| within(self.last_end, ROUNDS_MIN));
        let rounds = within(self.fair_end, most).max(least).max(ROUNDS_FEWEST);
        self.planned.set(rounds);
        rounds
    }

    /// Rounds of a figure besides the last comparison.
    pub(super) fn beside(&self) -> usize {
        self.planned.get().min(if self.quick { ROUNDS_FEWEST } else { ROUNDS_MIN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn planned(quick: bool, rounds: Option<usize>, left: usize, round: Duration) -> usize {
        let mut effort = Effort::new(quick, rounds, None);
        effort.begin(left);
        effort.plan(round)
    }

    #[test]
    fn a_claim_gets_the_rounds_that_fit_into_its_share_and_an_interval_where_possible() {
        // 540 s for 31 claims: 17 s each.
        assert_eq!(planned(false, None, 30, SECOND), 17);
        assert_eq!(planned(false, None, 30, SECOND / 100), ROUNDS_MAX);
        assert_eq!(planned(false, None, 30, 10 * SECOND), ROUNDS_MIN);
        assert_eq!(planned(false, None, 30, 100 * SECOND), ROUNDS_FEWEST);
        // 108 s: 3.5 s each.
        assert_eq!(planned(true, None, 30, SECOND / 2), 6);
        assert_eq!(planned(true, None, 30, SECOND / 100), ROUNDS_MAX_QUICK);
        assert_eq!(planned(true, None, 30, 20 * SECOND), ROUNDS_FEWEST);
    }

    #[test]
    fn the_time_of_later_claims_is_kept_for_them() {
        // Of 540 s, 480 s are kept for 60 claims.
        assert_eq!(planned(false, None, 60, 15 * SECOND), 3);
        assert_eq!(planned(false, None, 600, 15 * SECOND), ROUNDS_FEWEST);
    }

    #[test]
    fn without_time_there_are_the_rounds_that_were_asked_for() {
        for (least, expected) in [(Some(9), 9), (Some(2), 2), (None, ROUNDS_FEWEST)] {
            let mut effort = Effort::new(true, least, Some(Duration::ZERO));
            effort.begin(0);
            assert_eq!(effort.plan(Duration::from_nanos(1)), expected);
        }
        assert_eq!(planned(false, Some(20), 30, 100 * SECOND), 20);
    }
}
