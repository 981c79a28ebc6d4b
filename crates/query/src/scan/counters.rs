//! What the passes of a session found besides rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use cutwater_logs::scan::Tally;
use cutwater_logs::time::UnknownZones;

/// Sums over all passes since the last snapshot.
#[derive(Debug, Default)]
pub struct Counters {
    bytes: AtomicU64,
    lines: AtomicU64,
    bad: AtomicU64,
    misfits: Mutex<BTreeMap<String, u64>>,
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
    /// By column, how many values did not fit its type and are null.
    pub misfits: BTreeMap<String, u64>,
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
        if tally.unknown_zones.total() > 0 {
            let mut zones = self.unknown_zones.lock().unwrap_or_else(PoisonError::into_inner);
            zones.merge(&tally.unknown_zones);
        }
    }

    pub(crate) fn misfit(&self, column: &str, count: u64) {
        if count > 0 {
            let mut misfits = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
            *misfits.entry(column.to_owned()).or_default() += count;
        }
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
        Snapshot {
            bytes: self.bytes.swap(0, Ordering::Relaxed),
            lines: self.lines.swap(0, Ordering::Relaxed),
            bad: self.bad.swap(0, Ordering::Relaxed),
            misfits: std::mem::take(
                &mut self.misfits.lock().unwrap_or_else(PoisonError::into_inner),
            ),
            unknown_zones: std::mem::take(
                &mut self.unknown_zones.lock().unwrap_or_else(PoisonError::into_inner),
            ),
            sought: self.sought.swap(false, Ordering::Relaxed),
            sorted_joins: self.sorted_joins.swap(false, Ordering::Relaxed),
        }
    }
}
