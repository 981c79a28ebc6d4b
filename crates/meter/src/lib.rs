//! Counters, histograms and samples.
//!
//! Depends on nothing else of Cutwater, so that anything in it may count.
#![forbid(unsafe_code)]

mod buckets;
mod checksum;
mod counter;
pub mod expose;
mod histogram;
#[cfg(feature = "otlp")]
pub mod otlp;
mod usage;

pub use buckets::{BUCKET_BOUNDS_NS, BucketCounts, Buckets};
pub use checksum::Checksum;
pub use counter::{Counter, ReadCounters, ReadCounts};
pub use histogram::Latencies;
pub use usage::Usage;

/// Nanoseconds in seconds.
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
