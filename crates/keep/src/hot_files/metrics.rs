//! A cache of hot files as a source of metrics.

use std::sync::Arc;

use cutwater_meter::expose::{Page, Source};

use super::HotFiles;
use super::counts::{Counters, Snapshot};

/// Name, help and value.
type Family = (&'static str, &'static str, fn(&Snapshot) -> u64);

const FAMILIES: [Family; 6] = [
    ("cutwater_hot_files_hits_total", "Files answered from memory.", |c| c.hits),
    ("cutwater_hot_files_misses_total", "Files that were not held and were read.", |c| c.misses),
    ("cutwater_hot_files_refreshes_total", "Files that had changed and were read again.", |c| {
        c.refreshes
    }),
    ("cutwater_hot_files_evictions_total", "Files that made room for others.", |c| c.evictions),
    ("cutwater_hot_files_invalidations_total", "Files that an event reported as changed.", |c| {
        c.invalidations
    }),
    ("cutwater_hot_files_overflows_total", "Times that events were lost.", |c| c.overflows),
];

/// One cache under its name.
#[derive(Debug)]
struct Named {
    name: String,
    counters: Arc<Counters>,
}

impl HotFiles {
    /// The counters of this cache as a source of metrics, labelled with `name`: for `Metrics::add` of
    /// `cutwater`, or a [`Registry`](cutwater_meter::expose::Registry).
    #[must_use]
    pub fn metrics(&self, name: &str) -> impl Source + use<> {
        Named { name: name.to_owned(), counters: self.shared_counters() }
    }
}

impl Source for Named {
    fn collect(&self, page: &mut Page) {
        let counts = self.counters.get();
        for (name, help, value) in FAMILIES {
            page.counter(name, help).sample(&[("cache", &self.name)], value(&counts));
        }
    }
}
