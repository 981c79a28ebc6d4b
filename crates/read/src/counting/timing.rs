//! Times one read in 509.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cutwater_sys::usage::{self, Usage};

use super::threads::ThreadCounters;
use crate::{FileClass, ReadPath};

/// Single reads of a thread between two that are timed: a prime, so that it keeps no step with
/// a pattern of the program's. Two looks at the clock cost about 50 ns here, which is 0.1 ns for
/// each read, of the 90 that the fastest takes.
const EVERY: u32 = 509;
/// Timed reads between two whose page faults are counted, while reads are fast: two looks at
/// the thread's usage cost as much as seven at the clock. Where reads are slow, all are.
const FAULTS_EVERY: u32 = 8;
/// A read from a map that takes longer may have faulted: nanoseconds, and bytes for one more.
const FAST_NS_MAX: u64 = 1000;
const FAST_BYTES_PER_NS: u64 = 4;
/// Passes with at least this many ranges are all timed: compared with them, two looks at the clock
/// cost nothing.
const RANGES_MANY: usize = 64;

/// Whether reads are timed at all.
static ON: AtomicBool = AtomicBool::new(false);

/// Starts or stops timing in all threads.
pub(crate) fn switch(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// A thread's count down to the next read that is timed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timing {
    left: u32,
    /// Reads timed so far.
    timed: u32,
    /// Whether the last of them was slow.
    slow: bool,
}

/// A read or pass that is being timed.
#[derive(Debug)]
pub struct Timed {
    /// Before the clock, so that asking is not in the time.
    usage: Option<Usage>,
    started: Instant,
}

impl Timing {
    /// The first read is timed.
    pub(crate) const NEW: Self = Self { left: 0, timed: 0, slow: false };

    /// For a single read; `may_fault` where it copies from a map.
    pub(crate) fn start(&mut self, may_fault: bool) -> Option<Timed> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
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

    /// Learns from a read of `bytes` that took `ns`.
    pub(crate) fn learn(&mut self, ns: u64, bytes: usize) {
        self.slow = ns > FAST_NS_MAX + bytes as u64 / FAST_BYTES_PER_NS;
    }

    #[cold]
    fn begin(&mut self, may_fault: bool) -> Option<Timed> {
        self.left = EVERY - 1;
        self.timed = self.timed.wrapping_add(1);
        let may_fault = may_fault && (self.slow || self.timed.is_multiple_of(FAULTS_EVERY));
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

    /// Notes a single read, and gives the nanoseconds that it took.
    #[cold]
    pub(crate) fn note_read(
        &self,
        counters: &ThreadCounters,
        class: FileClass,
        path: ReadPath,
    ) -> u64 {
        let ns = self.ns();
        counters.note_read(class, path, ns);
        if let Some(since) = self.usage.map(|before| usage::thread().since(before))
            && since.major_faults + since.minor_faults > 0
        {
            counters.note_fault(since.major_faults > 0, ns);
        }
        ns
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
    fn one_single_read_in_509_is_timed_and_every_long_pass() {
        switch(true);
        let mut timing = Timing::default();
        let timed = (0..3 * EVERY).filter(|_| timing.start(false).is_some()).count();
        assert_eq!(timed, 3);
        assert!((0..10).all(|_| timing.start_pass(RANGES_MANY).is_some()));
    }

    #[test]
    fn faults_are_counted_of_every_slow_read_and_of_few_fast_ones() {
        switch(true);
        let mut timing = Timing::default();
        let mut counted = |slow: u64| {
            let mut n = 0;
            for _ in 0..4 * FAULTS_EVERY * EVERY {
                let Some(timed) = timing.start(true) else { continue };
                n += u32::from(timed.usage.is_some());
                timing.learn(slow, 4096);
            }
            n
        };
        assert_eq!(counted(FAST_NS_MAX), 4);
        assert!(counted(u64::MAX) >= 4 * FAULTS_EVERY - 1);
    }
}
