//! Reads that the kernel gave to a worker thread, where it lets us count them.

use cutwater_meter::expose::{Page, Source};
use cutwater_observe::perf::{Counter, Event, Scope};

/// Counts from when metrics were started, over the threads that were there and their children.
#[derive(Debug)]
pub(super) struct Punts(Counter);

impl Punts {
    /// None where tracepoints are not permitted: then the metric is absent.
    pub(super) fn open() -> Option<Self> {
        Counter::open(Event::IoWqPunts, Scope::Process).ok().map(Self)
    }
}

impl Source for Punts {
    fn collect(&self, page: &mut Page) {
        if let Ok(punts) = self.0.read() {
            page.counter(
                "cutwater_ring_punts_total",
                "Operations that the ring gave to a worker thread (io-wq), of this process.",
            )
            .sample(&[], punts);
        }
    }
}
