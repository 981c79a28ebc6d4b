//! Timers: one ordered structure, whose first is how long the ring waits.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

/// When, and which of those that are due at the same time.
pub(crate) type TimerKey = (Duration, u64);

/// The timers of a core.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    waiting: BTreeMap<TimerKey, Waker>,
    next_number: u64,
}

impl Timers {
    /// A timer that wakes `waker` at `at`, or the one of `key` with another waker.
    pub(crate) fn set(&mut self, key: Option<TimerKey>, at: Duration, waker: &Waker) -> TimerKey {
        let key = key.unwrap_or_else(|| {
            self.next_number += 1;
            (at, self.next_number)
        });
        self.waiting.insert(key, waker.clone());
        key
    }

    pub(crate) fn unset(&mut self, key: TimerKey) {
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
