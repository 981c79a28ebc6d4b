//! What the passes of a session found besides rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cutwater_logs::misfits::Misfits;
use cutwater_logs::scan::Tally;
use cutwater_logs::time::UnknownZones;

/// Sums over all passes since the last snapshot.
#[derive(Debug, Default)]
pub struct Counters {
    bytes: AtomicU64,
    lines: AtomicU64,
    bad: AtomicU64,
    /// Bad lines of tables whose number of rows was known, so that nothing was read.
    known_bad: AtomicU64,
    misfits: Mutex<Misfits>,
    /// By comparison: one value may be in several.
    compared: Mutex<BTreeMap<u64, Misfits>>,
    comparisons: AtomicU64,
    notes: Mutex<Vec<String>>,
    unknown_zones: Mutex<UnknownZones>,
    sorted_joins: AtomicBool,
    sought: AtomicBool,
}

/// The sums at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes of lines.
    pub bytes: u64,
    /// Lines, those that were skipped among them.
    pub lines: u64,
    /// Lines that were not skipped, and are neither records nor rows.
    pub bad: u64,
    /// Values that did not fit the type of their column, or what they were compared with, and are null.
    pub misfits: Misfits,
    /// Notes on statements and tables.
    pub notes: Vec<String>,
    /// Names of zones after times that are not known, and how often such a time was read.
    pub unknown_zones: UnknownZones,
    /// Joined rows did not fit in memory and were sorted on disk.
    pub sorted_joins: bool,
    /// Parts of logs were not read, as the logs count as sorted by time.
    pub sought: bool,
}

impl Counters {
    /// Adds what was found in a part; `shown` says whether its bad lines are rows.
    pub(crate) fn add(&self, tally: &Tally, shown: bool) {
        self.bytes.fetch_add(tally.bytes, Ordering::Relaxed);
        self.lines.fetch_add(tally.lines, Ordering::Relaxed);
        let left_out = if shown { 0 } else { tally.bad.total() };
        self.bad.fetch_add(left_out, Ordering::Relaxed);
        self.add_misfits(&tally.misfits);
        if tally.unknown_zones.total() > 0 {
            locked(&self.unknown_zones).merge(&tally.unknown_zones);
        }
    }

    /// The number of rows of a table is known from an earlier scan, which found these bad lines.
    pub(crate) fn rows_are_known(&self, bad: u64) {
        self.known_bad.fetch_max(bad, Ordering::Relaxed);
    }

    pub(crate) fn add_misfits(&self, misfits: &Misfits) {
        if !misfits.is_empty() {
            locked(&self.misfits).merge(misfits);
        }
    }

    /// A number for a comparison, which no other one has.
    pub(crate) fn next_comparison(&self) -> u64 {
        self.comparisons.fetch_add(1, Ordering::Relaxed)
    }

    /// Values that a comparison could not use.
    pub(crate) fn add_compared(&self, comparison: u64, misfits: &Misfits) {
        if !misfits.is_empty() {
            locked(&self.compared).entry(comparison).or_default().merge(misfits);
        }
    }

    /// Adds a note.
    pub(crate) fn note(&self, words: String) {
        locked(&self.notes).push(words);
    }

    /// An answer rests on the order of a log.
    pub(crate) fn rests_on_order(&self) {
        self.sought.store(true, Ordering::Relaxed);
    }

    pub(crate) fn joins_were_sorted(&self) {
        self.sorted_joins.store(true, Ordering::Relaxed);
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the sums and resets them to 0.
    #[must_use]
    pub fn take(&self) -> Snapshot {
        let (lines, bad) =
            (self.lines.swap(0, Ordering::Relaxed), self.bad.swap(0, Ordering::Relaxed));
        let known_bad = self.known_bad.swap(0, Ordering::Relaxed);
        Snapshot {
            bytes: self.bytes.swap(0, Ordering::Relaxed),
            lines,
            bad: if lines == 0 { known_bad } else { bad },
            misfits: self.take_misfits(),
            notes: std::mem::take(&mut locked(&self.notes)),
            unknown_zones: std::mem::take(&mut locked(&self.unknown_zones)),
            sought: self.sought.swap(false, Ordering::Relaxed),
            sorted_joins: self.sorted_joins.swap(false, Ordering::Relaxed),
        }
    }

    fn take_misfits(&self) -> Misfits {
        let mut misfits = std::mem::take(&mut *locked(&self.misfits));
        let mut compared = Misfits::default();
        for one in std::mem::take(&mut *locked(&self.compared)).values() {
            compared.merge_same(one);
        }
        misfits.merge(&compared);
        misfits
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
