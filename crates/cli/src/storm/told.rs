//! The storm's own metrics: what the reading process says of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cutwater::metrics::{Page, Source};

/// Counts, as the storm goes on.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) changes: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) wrong_bytes: AtomicU64,
    pub(super) crashes: AtomicU64,
}

/// The counts for scrapes.
#[derive(Debug)]
pub(super) struct Scraped(pub(super) Arc<Told>);

impl Source for Scraped {
    fn collect(&self, page: &mut Page) {
        let told = &self.0;
        for (name, help, value) in [
            ("cutwater_storm_changes_total", "Changes made to the file.", &told.changes),
            ("cutwater_storm_reads_total", "Reads through maps of it.", &told.reads),
            ("cutwater_storm_faults_total", "Signals that became errors.", &told.faults),
            (
                "cutwater_storm_wrong_bytes_total",
                "Bytes that the file never had there.",
                &told.wrong_bytes,
            ),
            ("cutwater_storm_crashes_total", "Times that the reading process died.", &told.crashes),
        ] {
            page.counter(name, help).sample(&[], value.load(Ordering::Relaxed));
        }
    }
}
