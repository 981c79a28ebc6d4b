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
//! - [`Mapped`] and [`Frozen`]: memory maps of files that other processes may truncate, with what
//!   belongs to them in [`maps`]; [`sigbus`] is the handler that they rest on.
//! - [`report`]: what calls say about what they did, and why.
//! - [`metrics`]: what this process reads, for Prometheus.
//!
//! # Errors
//! Nearly every call returns [`Error`]: its text says what was tried, on which file and at which offset, and
//! for what you can fix the likely cause and the next step. Programs ask it by predicates; more may
//! be added:
//!
//! ```
//! use cutwater::File;
//!
//! let error = File::open("no/such/file").expect_err("no such file");
//! assert!(error.is_not_found() && !error.is_truncated());
//! assert!(error.to_string().contains("no/such/file"));
//! ```
//!
//! Reads from a [`Mapped`] return a [`Fault`](maps::Fault), which also says how many bytes were copied
//! before it. What the host refuses is not an error where another call does the same: it is counted, and
//! [`File::explain`] names it.
//!
//! # Safety
//! This crate has no `unsafe` code; the system calls are in `cutwater-sys`. One function that it
//! passes on is `unsafe` to call: [`maps::poison::Slice::with_slice`].
//!
//! Bytes that another process could change are copied before you see them. The library installs no
//! signal handler, starts no thread and reads no environment variable unless you call what is
//! documented to do so: [`sigbus::install`]; [`Frozen::by_lease`] and [`Metrics::start`] have threads. Without the handler, reads from maps
//! are made by `pread(2)`, with the same answers.
//!
//! # Forked children
//! A child made by `fork(2)` reads files, maps and copies as its parent does, through rings of its
//! own. A lease stays the parent's: in the child it has no bytes, and dropping it there changes nothing.
#![forbid(unsafe_code)]

mod choose;
mod counting;
mod file;
mod file_class;
pub mod maps;
pub mod metrics;
mod pass;
pub mod report;
mod ring_options;
mod types;

pub use cutwater_maps::{Error, Frozen, Result, sigbus};
pub use file::{Chunks, File, OpenOptions, Reader};
pub use file_class::FileClass;
pub use maps::Mapped;
pub use metrics::Metrics;
pub use ring_options::RingOptions;
pub use types::{Advice, Cut, Order, Pattern, Piece, ReadPath, Reuse, Shard, Summary};

use cutwater_maps::error;

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
/// use cutwater::{maps::poison::{Error, Slice}, sigbus};
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
