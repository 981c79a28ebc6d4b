//! Times one read in so many.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cutwater_meter::Usage;
use cutwater_sys::usage;

use crate::counting::ThreadCounters;
use crate::{FileClass, ReadPath};

/// Single reads of a thread between two that are timed: a prime, so that it keeps no step with
/// a pattern of the program's. Two looks at the clock and two at the thread's page faults cost
/// about 0.4 us here, which is 3 ns for each read.
const EVERY: u32 = 127;
/// Passes with at least so many ranges are all timed: to them two looks at the clock are nothing.
const RANGES_MANY: usize = 64;

/// Whether anybody wants to know.
static ON: AtomicBool = AtomicBool::new(false);

/// Starts or stops timing in all threads.
pub(crate) fn switch(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// A thread's count down to the next read that is timed.
#[derive(Debug, Default)]
pub(crate) struct Timing(u32);

/// A read or pass that is being timed.
#[derive(Debug)]
pub(crate) struct Timed {
    /// Before the clock, so that asking is not in the time.
    usage: Option<Usage>,
    started: Instant,
}

impl Timing {
    /// For a single read; `may_fault` where it copies from a map.
    pub(crate) fn start(&mut self, may_fault: bool) -> Option<Timed> {
        if let Some(left) = self.0.checked_sub(1) {
            self.0 = left;
            return None;
        }
        self.begin(may_fault)
    }

    /// For a pass over a list.
    pub(crate) fn start_pass(&mut self, ranges: usize) -> Option<Timed> {
        if ranges >= RANGES_MANY {
            return ON.load(Ordering::Relaxed).then(Timed::now);
        }
        self.start(false)
    }

    #[cold]
    fn begin(&mut self, may_fault: bool) -> Option<Timed> {
        self.0 = EVERY - 1;
        ON.load(Ordering::Relaxed).then(|| {
            let usage = may_fault.then(usage::thread);
            Timed { usage, ..Timed::now() }
        })
    }
}

impl Timed {
    fn now() -> Self {
        Self { usage: None, started: Instant::now() }
    }

    #[cold]
    pub(crate) fn note_read(self, counters: &ThreadCounters, class: FileClass, path: ReadPath) {
        let ns = self.ns();
        counters.note_read(class, path, ns);
        let Some(since) = self.usage.map(|before| usage::thread().since(before)) else { return };
        if since.major_faults + since.minor_faults > 0 {
            counters.note_fault(since.major_faults > 0, ns);
        }
    }

    #[cold]
    pub(crate) fn note_pass(self, counters: &ThreadCounters, class: FileClass) {
        counters.note_pass(class, self.ns());
    }

    fn ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_single_read_in_so_many_is_timed_and_every_long_pass() {
        switch(true);
        let mut timing = Timing::default();
        let timed = (0..3 * EVERY).filter(|_| timing.start(false).is_some()).count();
        assert_eq!(timed, 3);
        assert!((0..10).all(|_| timing.start_pass(RANGES_MANY).is_some()));
    }
}
