//! This process as the kernel sees it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use cutwater_meter::expose::{Page, Source};
use cutwater_sys::usage;

use super::sampler::{Samples, resident_bytes};
use crate::FileClass;

/// Faults, CPU time and memory, and what the sampler found.
#[derive(Debug)]
pub(super) struct Process(pub(super) Arc<Samples>);

impl Source for Process {
    fn collect(&self, page: &mut Page) {
        let used = usage::process();
        page.counter("process_cpu_seconds_total", "CPU time of this process, kernel included.")
            .nanoseconds(&[], used.user_ns + used.system_ns);
        page.counter(
            "cutwater_page_faults_total",
            "Page faults of this process: minor without, major with a wait for the device.",
        )
        .sample(&[("kind", "minor")], used.minor_faults)
        .sample(&[("kind", "major")], used.major_faults);
        let resident = resident_bytes();
        if let Some(bytes) = resident {
            page.gauge("process_resident_memory_bytes", "Memory that is resident, file maps too.")
                .sample(&[], bytes);
        }
        page.gauge(
            "cutwater_resident_memory_peak_bytes",
            "The largest resident memory since the process began.",
        )
        // The kernel notes the peak now and then only, and may be behind.
        .sample(&[], used.peak_rss_bytes.max(resident.unwrap_or(0)));
        let rss = self.0.rss.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(growth) = rss.growth_per_second() {
            page.gauge(
                "cutwater_resident_memory_growth_bytes_per_second",
                "Growth of resident memory over the sliding window; negative when it shrinks.",
            )
            .float(&[], growth);
        }
        drop(rss);
        if let Some(cpu_ns) = &self.0.cpu_ns {
            let help = "CPU time of the background sampler.";
            page.counter("cutwater_sampler_cpu_seconds_total", help)
                .nanoseconds(&[], cpu_ns.load(Ordering::Relaxed));
        }
        self.residency(page);
    }
}

impl Process {
    fn residency(&self, page: &mut Page) {
        for class in FileClass::all() {
            let (asked, resident) = self.0.residency.pages(class);
            if asked == 0 {
                continue;
            }
            let (name, labels) = (class.name(), "class");
            page.counter("cutwater_sampled_pages_total", "Pages of open files asked about.")
                .sample(&[(labels, &name)], asked);
            page.counter("cutwater_sampled_resident_pages_total", "Of these, in the page cache.")
                .sample(&[(labels, &name)], resident);
            if let Some(share) = self.0.residency.share(class) {
                page.gauge(
                    "cutwater_file_resident_ratio",
                    "Share of the pages asked about in the last round that is in the page cache.",
                )
                .float(&[(labels, &name)], share);
            }
        }
    }
}
