//! When the ring is left for the pool, and when it is tried again: a pure state machine.

/// Which way operations go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// The ring.
    Hot,
    /// The pool.
    Cold,
}

/// Why operations went over to the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// The kernel refused to take submissions 8 times in a row (`EAGAIN`, `EBUSY`).
    Refused,
    /// A large share of submissions failed for lack of resources.
    Failures,
    /// The completion queue stayed full.
    QueueFull,
    /// The program asked for it.
    Forced,
}

/// Refusals in a row after which the shortage is not a passing one: before each, completions were taken,
/// which frees what `EBUSY` complains about.
const REFUSALS_MAX: u32 = 8;

/// Submissions over which the share of failures is computed.
const WINDOW: u32 = 256;

/// The share of failures, in percent, at which the ring is left: each failure costs a round trip before the
/// pool does the work anyway.
const FAILURES_PERCENT: u32 = 25;

/// Turns of the loop in a row in which the completion queue may overflow.
const FULL_TURNS_MAX: u32 = 16;

/// Operations on the pool before the ring is tried again. The number doubles with each failed trial, up to
/// the maximum, and is reset after a window of submissions without trouble.
const COLD_OPERATIONS: u32 = 1024;
/// See above.
const COLD_OPERATIONS_MAX: u32 = 1 << 20;

/// The state.
#[derive(Debug, Clone)]
pub(in crate::driver) struct Degrade {
    path: Path,
    forced: Option<Path>,
    /// The ring was given up for good.
    over: bool,
    refusals: u32,
    submitted: u32,
    failed: u32,
    full_turns: u32,
    cold_left: u32,
    cold_next: u32,
    /// Changes of the path so far.
    pub(super) switches: u64,
    /// Why it was last left.
    pub(in crate::driver) reason: Option<Degraded>,
}

impl Default for Degrade {
    fn default() -> Self {
        Self {
            path: Path::Hot,
            forced: None,
            over: false,
            refusals: 0,
            submitted: 0,
            failed: 0,
            full_turns: 0,
            cold_left: 0,
            cold_next: COLD_OPERATIONS,
            switches: 0,
            reason: None,
        }
    }
}

impl Degrade {
    pub(in crate::driver) fn path(&self) -> Path {
        if self.over { Path::Cold } else { self.forced.unwrap_or(self.path) }
    }

    /// The ring was given up for good: no path can be held any more.
    pub(super) fn give_up(&mut self) {
        let before = self.path();
        self.over = true;
        if before == Path::Hot {
            self.record_switch(Degraded::Refused);
        }
    }

    /// Holds one path, or releases it.
    pub(in crate::driver) fn force(&mut self, path: Option<Path>) {
        let before = self.path();
        self.forced = path;
        if self.path() != before {
            self.record_switch(Degraded::Forced);
        }
    }

    /// The kernel took what was submitted.
    pub(super) fn accepted(&mut self) {
        self.refusals = 0;
    }

    /// The kernel took nothing.
    pub(super) fn refused(&mut self) {
        self.refusals += 1;
        if self.refusals >= REFUSALS_MAX {
            self.leave(Degraded::Refused);
        }
    }

    /// An operation of the ring ended; it `failed` for lack of resources.
    pub(super) fn completed(&mut self, failed: bool) {
        self.submitted += 1;
        self.failed += u32::from(failed);
        if self.submitted < WINDOW {
            return;
        }
        let many = self.failed * 100 >= WINDOW * FAILURES_PERCENT;
        (self.submitted, self.failed) = (0, 0);
        if many {
            self.leave(Degraded::Failures);
        } else {
            self.cold_next = COLD_OPERATIONS;
        }
    }

    /// A turn of the loop ended, with a completion queue that overflowed or not.
    pub(super) fn turned(&mut self, overflowed: bool) {
        self.full_turns = if overflowed { self.full_turns + 1 } else { 0 };
        if self.full_turns >= FULL_TURNS_MAX {
            self.leave(Degraded::QueueFull);
        }
    }

    /// An operation goes to the pool; after enough of them the ring is tried again.
    pub(super) fn went_cold(&mut self) {
        if self.path == Path::Hot {
            return;
        }
        self.cold_left = self.cold_left.saturating_sub(1);
        if self.cold_left == 0 {
            self.path = Path::Hot;
            self.switches += 1;
            tracing::info!(switches = self.switches, "operations go through the ring again");
        }
    }

    fn leave(&mut self, reason: Degraded) {
        (self.refusals, self.full_turns, self.submitted, self.failed) = (0, 0, 0, 0);
        if self.path == Path::Cold {
            return;
        }
        self.path = Path::Cold;
        self.cold_left = self.cold_next;
        self.cold_next = (self.cold_next * 2).min(COLD_OPERATIONS_MAX);
        self.record_switch(reason);
    }

    fn record_switch(&mut self, reason: Degraded) {
        self.switches += 1;
        self.reason = Some(reason);
        let (path, switches) = (self.path(), self.switches);
        tracing::warn!(?path, ?reason, switches, "operations go another way");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_a_row_lead_to_the_pool_and_a_few_do_not() {
        let mut state = Degrade::default();
        for _ in 0..100 {
            (1..REFUSALS_MAX).for_each(|_| state.refused());
            state.accepted();
        }
        assert_eq!((state.path(), state.switches), (Path::Hot, 0));
        (0..REFUSALS_MAX).for_each(|_| state.refused());
        assert_eq!((state.path(), state.reason), (Path::Cold, Some(Degraded::Refused)));
    }

    #[test]
    fn a_quarter_of_failures_in_a_window_leads_to_the_pool() {
        let mut state = Degrade::default();
        (0..WINDOW * 8).for_each(|n| state.completed(n % 5 == 0));
        assert_eq!(state.path(), Path::Hot);
        (0..WINDOW).for_each(|n| state.completed(n % 4 == 0));
        assert_eq!((state.path(), state.reason), (Path::Cold, Some(Degraded::Failures)));
    }

    #[test]
    fn a_queue_that_stays_full_leads_to_the_pool() {
        let mut state = Degrade::default();
        (0..1000).for_each(|n| state.turned(n % FULL_TURNS_MAX != 0));
        assert_eq!(state.path(), Path::Hot);
        (0..FULL_TURNS_MAX).for_each(|_| state.turned(true));
        assert_eq!(state.reason, Some(Degraded::QueueFull));
    }

    #[test]
    fn the_ring_is_tried_again_ever_more_seldom_until_it_holds() {
        let mut state = Degrade::default();
        let mut waited = Vec::new();
        for _ in 0..3 {
            (0..REFUSALS_MAX).for_each(|_| state.refused());
            let mut operations = 0;
            while state.path() == Path::Cold {
                state.went_cold();
                operations += 1;
            }
            waited.push(operations);
        }
        assert_eq!(waited, [COLD_OPERATIONS, 2 * COLD_OPERATIONS, 4 * COLD_OPERATIONS]);
        (0..WINDOW).for_each(|_| state.completed(false));
        (0..REFUSALS_MAX).for_each(|_| state.refused());
        assert_eq!(state.cold_left, COLD_OPERATIONS);
        assert_eq!(state.switches, 7);
    }

    #[test]
    fn either_path_can_be_held() {
        let mut state = Degrade::default();
        state.force(Some(Path::Cold));
        assert_eq!((state.path(), state.reason), (Path::Cold, Some(Degraded::Forced)));
        (0..10_000).for_each(|_| state.went_cold());
        assert_eq!(state.path(), Path::Cold);
        state.force(Some(Path::Hot));
        (0..REFUSALS_MAX).for_each(|_| state.refused());
        assert_eq!(state.path(), Path::Hot);
        state.force(None);
        assert_eq!(state.path(), Path::Cold);
    }
}
