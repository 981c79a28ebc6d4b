//! What is counted on the read path, written for a scrape.

use cutwater_maps::lease_counts;
use cutwater_meter::ReadCounts;
use cutwater_meter::expose::{Page, Source};

use crate::choose::facts::Reason;
use crate::counting::refused;
use crate::counting::threads::{Snapshot, snapshot};
use crate::{FileClass, sigbus};

/// Name, help and value of a counter of reads.
type Family = (&'static str, &'static str, fn(&ReadCounts) -> u64);

/// For each class and path that has read anything.
const READS: [Family; 6] = [
    ("cutwater_read_ranges_total", "Ranges read.", |c| c.ops),
    ("cutwater_read_bytes_total", "Bytes read.", |c| c.bytes),
    ("cutwater_read_syscalls_total", "System calls made to read.", |c| c.syscalls),
    ("cutwater_read_continued_total", "Reads that came back short and were continued.", |c| {
        c.continued
    }),
    ("cutwater_read_retries_total", "Reads tried again after EINTR or EAGAIN.", |c| c.retried),
    ("cutwater_read_fallbacks_total", "Reads that their path refused and another made.", |c| {
        c.fallbacks
    }),
];

/// For each class and path whose ring was used.
const RING: [Family; 3] = [
    ("cutwater_ring_enters_total", "Calls of io_uring_enter(2).", |c| c.enters),
    ("cutwater_ring_submissions_total", "Entries given to the ring.", |c| c.sqes),
    ("cutwater_ring_completions_total", "Completions taken from the ring.", |c| c.completions),
];

/// Counters of reads, rings, choices, and of what maps and leases went through.
#[derive(Debug)]
pub(super) struct Reads;

impl Source for Reads {
    fn collect(&self, page: &mut Page) {
        let totals = snapshot();
        for class in FileClass::all() {
            let name = class.name();
            for (at, path) in Snapshot::paths() {
                let labels = [("class", name.as_str()), ("path", path.name())];
                let counts = &totals.reads[class.index()][at];
                if *counts != ReadCounts::ZERO {
                    write(page, &READS, &labels, counts);
                }
                if counts.enters > 0 {
                    write(page, &RING, &labels, counts);
                }
                page.histogram(
                    "cutwater_read_duration_seconds",
                    "Single reads; one in 509 is timed.",
                )
                .buckets(&labels, &totals.latency[class.index()][at]);
            }
            page.histogram("cutwater_pass_duration_seconds", "Passes over lists of ranges.")
                .buckets(&[("class", &name)], &totals.passes[class.index()]);
        }
        for (kind, buckets) in ["minor", "major"].iter().zip(&totals.faulting) {
            page.histogram(
                "cutwater_faulting_read_duration_seconds",
                "Timed single reads from a map that took a page fault, by the worst.",
            )
            .buckets(&[("kind", kind)], buckets);
        }
        choices(page, &totals);
        maps(page, &totals);
    }
}

fn write(page: &mut Page, families: &[Family], labels: &[(&str, &str)], counts: &ReadCounts) {
    for (name, help, value) in families {
        page.counter(name, help).sample(labels, value(counts));
    }
}

fn choices(page: &mut Page, totals: &Snapshot) {
    for ((_, reason), ranges) in Reason::ALL.iter().zip(totals.choices) {
        if ranges > 0 {
            page.counter("cutwater_chosen_ranges_total", "Ranges read, by the chooser's reason.")
                .sample(&[("reason", reason)], ranges);
        }
    }
    for (reason, n) in refused::counts() {
        page.counter("cutwater_ring_refusals_total", "Rings that the kernel refused to set up.")
            .sample(&[("reason", reason)], n);
    }
}

fn maps(page: &mut Page, totals: &Snapshot) {
    if totals.windows > 0 {
        page.counter("cutwater_map_windows_total", "Windows mapped of files past their budget.")
            .sample(&[], totals.windows);
    }
    // Without the handler its metrics are absent, not 0.
    if sigbus::status() != sigbus::Status::NotInstalled {
        let counts = sigbus::counters();
        for (name, help, value) in [
            ("cutwater_sigbus_caught_total", "Faults in maps that became errors.", counts.caught),
            (
                "cutwater_sigbus_poisoned_total",
                "Faults in poisoned slices, whose results were thrown away.",
                counts.poisoned,
            ),
            (
                "cutwater_sigbus_chained_total",
                "SIGBUS passed on to the handler before ours.",
                counts.chained,
            ),
            (
                "cutwater_sigbus_displaced_total",
                "Times another handler was found in place of ours.",
                counts.displaced,
            ),
        ] {
            page.counter(name, help).sample(&[], value);
        }
    }
    let leases = lease_counts();
    if leases.taken > 0 {
        page.counter("cutwater_leases_total", "Read leases taken.").sample(&[], leases.taken);
        page.counter("cutwater_lease_breaks_total", "Leases broken, by what became of the bytes.")
            .sample(&[("outcome", "copied")], leases.copied)
            .sample(&[("outcome", "lost")], leases.lost);
        page.gauge(
            "cutwater_lease_break_max_seconds",
            "The longest that a writer was kept waiting.",
        )
        .nanoseconds(&[], leases.copy_ns_max);
    }
}
