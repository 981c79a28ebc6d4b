//! Counters, histograms and samples.
//!
//! Depends on nothing else of Cutwater, so that anything in it may count.
#![forbid(unsafe_code)]

mod checksum;
mod counter;
mod histogram;
mod usage;

pub use checksum::Checksum;
pub use counter::{Counter, ReadCounters, ReadCounts};
pub use histogram::Latencies;
pub use usage::Usage;
