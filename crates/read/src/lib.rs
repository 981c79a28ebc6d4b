//! Read big files through the fastest path the kernel offers, and say why.
//!
//! Linux offers three ways to read a file: copy from a map (`mmap`), copy with a
//! vectored call (`preadv2`), or queue the reads (`io_uring`). Which is fastest
//! depends on what is in the page cache, on the pattern, the block size, the depth
//! and the device. [`File`] measures, picks per range and can explain itself.
//!
//! ```
//! use std::ops::ControlFlow;
//! use cutwater::{File, Order};
//! # fn main() -> Result<(), cutwater::Error> {
//! let file = File::open("Cargo.toml")?;
//! let mut head = [0u8; 16];
//! let n = file.read_at(&mut head, 0)?;
//!
//! // Ranges known ahead: coalesced, split by residency, many in flight.
//! let mut bytes = 0;
//! file.read_ranges(&[0..4, 8..16], Order::Completion, |piece| {
//!     bytes += piece.bytes.len();
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!((n, bytes), (16, 12));
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

pub mod append_log;
mod choose;
mod counting;
mod engine;
mod error;
mod file;
mod file_class;
pub mod hot_files;
mod maps;
pub mod metrics;
mod pass;
mod plan;
mod ring_options;
pub mod scratch;
pub mod shared_config;
mod source;
mod types;
mod view;

pub use counting::counts;
pub use cutwater_sys::map::MapAdvice;
pub use cutwater_sys::sigbus;
pub use error::{Error, Result};
pub use file::{Chunks, Copied, CopyVia, File, OpenOptions};
pub use file_class::FileClass;
pub use hot_files::{Freshness, HotCounts, HotFile, HotFiles, HotFilesOptions};
pub use maps::{
    Fault, Frozen, FrozenBy, LeaseCounters, LeaseOptions, LeaseState, Mapped, MappedCounts,
    MappedOptions, ReadValue, lease_counts, poison,
};
pub use metrics::{Metrics, MetricsOptions};
pub use ring_options::{RingOptions, RingReport};
pub use scratch::{Scratch, ScratchOptions};
pub use shared_config::SharedConfig;
pub use types::{
    Advice, Choice, Cut, Explanation, Order, Pattern, Piece, ReadPath, Residency, Reuse, Shard,
    Summary,
};

/// The README's example, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
