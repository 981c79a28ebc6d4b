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
//!
//! # Modules and types
//! - [`File`], opened by [`OpenOptions`]: positioned reads, lists of ranges, passes in order
//!   ([`Chunks`], or [`Reader`] with the traits of `std::io`) or in parallel parts ([`Shard`]), copies inside the kernel, residency. [`ReadPath`] names a
//!   path in place of the chooser; [`File::explain`] says what was chosen and why.
//! - [`Mapped`] and [`Frozen`]: memory maps of files that other processes may truncate;
//!   [`sigbus`] is the handler that they rest on, [`poison`] the slice for code that takes nothing else.
//! - [`hot_files`], [`shared_config`], [`scratch`], [`append_log`]: what is built on these. Each module's
//!   page has an example, its bounds, and what it does not do.
//! - [`metrics`]: what this process reads, for Prometheus.
//!
//! # Errors
//! Nearly every call returns [`Error`]: its text says what was tried, on which file and at which offset, and
//! for what you can mend the likely cause and the next step. Programs ask it by predicates, of
//! which more may come:
//!
//! ```
//! use cutwater::File;
//!
//! let error = File::open("no/such/file").expect_err("there is none");
//! assert!(error.is_not_found() && !error.is_truncated());
//! assert!(error.to_string().contains("no/such/file"));
//! ```
//!
//! Reads from a [`Mapped`] return a [`Fault`], which also tells how many bytes were copied before it, and
//! the shared configuration a [`ShareError`](shared_config::ShareError). What the host refuses is no
//! error where another call does the same: it is counted and stands in [`File::explain`].
//!
//! # Safety
//! This crate has no `unsafe` code; the system calls are in `cutwater-sys`. Two functions that it
//! passes on are `unsafe` to call, each with the promise to make in its documentation:
//! [`poison::Slice::with_slice`] and [`shared_config::Promise::replaced_never_changed`].
//!
//! Bytes that another process could change are copied before you see them. The library installs no
//! signal handler, starts no thread and reads no environment variable unless you call what is
//! documented to do so: [`sigbus::install`]; [`Frozen::by_lease`], [`Metrics::start`], [`SharedConfig`]
//! and its [`Publisher`](shared_config::Publisher) have threads. Without the handler, reads from maps
//! are made by `pread(2)`, with the same answers.
//!
//! # Forked children
//! A child made by `fork(2)` reads files, maps, copies and cached files as its parent does, through
//! rings of its own. What has one owner stays the parent's, and dropping it in the child changes
//! nothing: there an [`append_log`] and a publisher refuse to write, a subscription stays at the last
//! good configuration, scratch memory that was spilled is an error, and a lease has no bytes.
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
pub use file::{Chunks, Copied, CopyVia, File, OpenOptions, Reader};
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

/// The example of `docs/maps.md` for poisoned slices; it is here because it has an `unsafe` block.
///
/// ```
/// # use std::{io::Write, os::fd::AsFd};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (mut file, len) = (tempfile::tempfile()?, 8);
/// # file.write_all(b"one\ntwo\n")?;
/// # if !cfg!(target_arch = "x86_64") { return Ok(()); }
/// use cutwater::{poison::{Error, Slice}, sigbus};
///
/// sigbus::install()?;
/// let slice = Slice::new(file.as_fd(), 0, len)?;      // an offset at which a page begins
/// // SAFETY: a count is sound over any bytes, and nothing else leaves the scope.
/// match unsafe { slice.with_slice(|bytes| bytes.iter().filter(|&&b| b == b'\n').count()) } {
///     Ok(lines) => println!("{lines}"),
///     Err(Error::Truncated) => println!("open the file again and repeat"),
///     Err(Error::Unprotected) => println!("the handler is not in place: read through Mapped"),
///     Err(Error::Os(errno)) => return Err(errno.into()),
/// }
/// # Ok(()) }
/// ```
#[cfg(doctest)]
struct PoisonedSlice;
