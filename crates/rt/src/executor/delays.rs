//! Samples of how long tasks wait in the run queue: reading the clock at each wake would cost more than
//! many polls do.

use std::cell::Cell;
use std::time::Instant;

use crate::driver::DELAY_CLASSES;

/// One of this many wakes is timed.
const SAMPLED: u32 = 32;

/// The wake that is timed now, and the samples so far.
#[derive(Debug, Default)]
pub(super) struct Delays {
    until_next: Cell<u32>,
    under_way: Cell<Option<(u64, Instant)>>,
    classes: Cell<[u64; DELAY_CLASSES]>,
}

impl Delays {
    /// A task was queued.
    pub(super) fn queued(&self, id: u64) {
        let left = self.until_next.get();
        if left > 0 {
            return self.until_next.set(left - 1);
        }
        self.until_next.set(SAMPLED - 1);
        if self.under_way.get().is_none() {
            self.under_way.set(Some((id, Instant::now())));
        }
    }

    /// The task is polled.
    pub(super) fn polled(&self, id: u64) {
        let Some((sampled, since)) = self.under_way.get() else { return };
        if sampled != id {
            return;
        }
        self.under_way.set(None);
        let ns = since.elapsed().as_nanos().max(1);
        let class = (ns.ilog2() as usize).min(DELAY_CLASSES - 1);
        let mut classes = self.classes.get();
        classes[class] += 1;
        self.classes.set(classes);
    }

    /// Samples by class; see `Snapshot::delays`.
    pub(super) fn classes(&self) -> [u64; DELAY_CLASSES] {
        self.classes.get()
    }
}
