//! Timers, ordered by time. The first one limits how long the core waits.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

/// When it is due, and a number that distinguishes timers of the same time.
pub(crate) type TimerKey = (Duration, u64);

/// The timers of a core.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    waiting: BTreeMap<TimerKey, Waker>,
    next_number: u64,
}

impl Timers {
    /// Arms a timer that wakes `waker` at `at`; with a `key`, replaces the waker of that timer.
    pub(crate) fn arm(&mut self, key: Option<TimerKey>, at: Duration, waker: &Waker) -> TimerKey {
        let key = key.unwrap_or_else(|| {
            self.next_number += 1;
            (at, self.next_number)
        });
        self.waiting.insert(key, waker.clone());
        key
    }

    pub(crate) fn disarm(&mut self, key: TimerKey) {
        self.waiting.remove(&key);
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.waiting.first_key_value().map(|(key, _)| key.0)
    }

    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Waker> {
        self.next().filter(|at| *at <= now)?;
        self.waiting.pop_first().map(|(_, waker)| waker)
    }
}
