//! The storm's own metrics: changes to the file, and what the reading process reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cutwater::metrics::{Page, Source};

use super::reader::Counts;

/// Counts while the storm runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) changes: AtomicU64,
    reads: AtomicU64,
    faults: AtomicU64,
    wrong_bytes: AtomicU64,
    crashes: AtomicU64,
}

impl Counters {
    /// Sets what the reading processes have counted so far.
    pub(super) fn record(&self, counts: Counts, crashes: u64) {
        self.reads.store(counts.reads, Ordering::Relaxed);
        self.faults.store(counts.faults, Ordering::Relaxed);
        self.wrong_bytes.store(counts.wrong_bytes, Ordering::Relaxed);
        self.crashes.store(crashes, Ordering::Relaxed);
    }
}

/// Exports the counters.
#[derive(Debug)]
pub(super) struct CountersSource(pub(super) Arc<Counters>);

impl Source for CountersSource {
    fn collect(&self, page: &mut Page) {
        let counters = &self.0;
        for (name, help, value) in [
            ("cutwater_storm_changes_total", "Changes made to the file.", &counters.changes),
            ("cutwater_storm_reads_total", "Reads through maps of it.", &counters.reads),
            ("cutwater_storm_faults_total", "Signals that became errors.", &counters.faults),
            (
                "cutwater_storm_wrong_bytes_total",
                "Bytes that the file never had there.",
                &counters.wrong_bytes,
            ),
            (
                "cutwater_storm_crashes_total",
                "Times that the reading process died.",
                &counters.crashes,
            ),
        ] {
            page.counter(name, help).sample(&[], value.load(Ordering::Relaxed));
        }
    }
}
