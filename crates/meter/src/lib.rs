//! Counters, latency histograms and checksums, and their export to Prometheus and OpenTelemetry.
//!
//! It stands on `cutwater-sys` alone, so every crate above may count with it.
//!
//! - [`Counter`] and [`ReadCounters`]: counts that one thread writes and any may read.
//! - [`Latencies`]: a histogram of 3 significant digits, for reports; [`Buckets`]: one of fixed
//!   bounds that threads share, for metrics.
//! - [`Checksum`]: of bytes at offsets, in any order.
//! - [`expose`]: sources of metrics, the text that Prometheus reads, and a small HTTP endpoint.
//! - `otlp` (feature `otlp`): the same, pushed to an OpenTelemetry collector.
//!
//! ```
//! use cutwater_meter::{Latencies, expose::{Format, Page, Registry, Source}};
//!
//! let mut latencies = Latencies::new();
//! (1..=100).for_each(|us| latencies.record(us * 1_000));
//! assert_eq!(latencies.quantile(0.5).map(|ns| ns / 1_000), Some(50));
//!
//! struct Requests(u64);
//! impl Source for Requests {
//!     fn collect(&self, page: &mut Page) {
//!         page.counter("requests_total", "Requests answered.").sample(&[("code", "200")], self.0);
//!     }
//! }
//! let registry = Registry::new();
//! registry.add(Requests(3));
//! assert!(registry.render(Format::Prometheus).contains(r#"requests_total{code="200"} 3"#));
//! ```
#![forbid(unsafe_code)]

mod buckets;
mod checksum;
mod counter;
pub mod expose;
mod histogram;
#[cfg(feature = "otlp")]
pub mod otlp;

pub use buckets::{BUCKET_BOUNDS_NS, BucketCounts, Buckets};
pub use checksum::Checksum;
pub use counter::{Counter, ReadCounters, ReadCounts};
pub use histogram::Latencies;

/// Converts nanoseconds to seconds.
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
