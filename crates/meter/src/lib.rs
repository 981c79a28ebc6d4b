//! Counters, histograms and samples.
//!
//! Depends on nothing else of Cutwater, so that anything in it may count.
#![forbid(unsafe_code)]

mod buckets;
mod checksum;
mod counter;
pub mod expose;
mod histogram;
mod usage;

pub use buckets::{BUCKET_BOUNDS_NS, BucketCounts, Buckets};
pub use checksum::Checksum;
pub use counter::{Counter, ReadCounters, ReadCounts};
pub use histogram::Latencies;
pub use usage::Usage;
