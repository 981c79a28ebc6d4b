//! Metrics of a cache of hot files.

use std::sync::Arc;

use cutwater_meter::expose::{Page, Source};

use crate::HotCounts;
use crate::hot_files::Counters;

/// Name, help and value.
type Family = (&'static str, &'static str, fn(&HotCounts) -> u64);

const FAMILIES: [Family; 6] = [
    ("cutwater_hot_files_hits_total", "Files answered from memory.", |c| c.hits),
    ("cutwater_hot_files_misses_total", "Files that were not held and were read.", |c| c.misses),
    ("cutwater_hot_files_refreshes_total", "Files that had changed and were read again.", |c| {
        c.refreshes
    }),
    ("cutwater_hot_files_evictions_total", "Files that made room for others.", |c| c.evictions),
    ("cutwater_hot_files_invalidations_total", "Files whose change an event told.", |c| {
        c.invalidations
    }),
    ("cutwater_hot_files_overflows_total", "Times that events were lost.", |c| c.overflows),
];

/// One cache by its name.
#[derive(Debug)]
pub(super) struct Hot {
    pub(super) name: String,
    pub(super) counters: Arc<Counters>,
}

impl Source for Hot {
    fn collect(&self, page: &mut Page) {
        let counts = self.counters.get();
        for (name, help, value) in FAMILIES {
            page.counter(name, help).sample(&[("cache", &self.name)], value(&counts));
        }
    }
}
