//! Memory maps of files that other processes may truncate.
//!
//! Where a mapped file becomes shorter, a load from the map raises SIGBUS, which ends the process.
//! Reads from these maps end in an error instead:
//!
//! | type | gives | when the file is truncated |
//! |---|---|---|
//! | [`Mapped`] | copies | an error with the bytes copied before it |
//! | [`Frozen`] | `&[u8]` | the slice stays as it was |
//! | [`poison::Slice`] | `&[u8]`, `unsafe` | zeros, and the scope's result is thrown away |
//!
//! ```
//! use cutwater_maps::{Mapped, sigbus};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # if cfg!(target_arch = "x86_64") {
//! sigbus::install()?; // once per process
//! # }
//! let mapped = Mapped::open("Cargo.toml")?;
//! let mut head = [0; 9];
//! mapped.read_at(&mut head, 0)?;
//! assert_eq!(&head, b"[package]");
//! # Ok(()) }
//! ```
//!
//! # What it does not do
//! It installs no signal handler unless [`sigbus::install`] is called, and starts no thread except for
//! [`Frozen::by_lease`]. Without the handler, and on processors other than x86-64, reads are made by
//! `pread(2)`, with the same answers. It writes to no file.
//!
//! # Safety
//! This crate has no `unsafe` code; the system calls and the copy that may fault are in `cutwater-sys`.
//! One function that it passes on is `unsafe` to call: [`poison::Slice::with_slice`].
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod error;
mod fault;
mod frozen;
mod mapped;
mod observer;
#[doc(hidden)]
pub mod open;
mod options;
mod value;
mod whole;
mod windows;

pub use cutwater_sys::map::MapAdvice;
pub use cutwater_sys::{poison, sigbus};
pub use error::{Error, Result};
pub use fault::Fault;
pub use frozen::{Frozen, FrozenBy, LeaseCounters, LeaseOptions, LeaseState, lease_counts};
pub use mapped::{Mapped, ObservedMap, Snapshot};
pub use observer::Observer;
pub use options::{MappedOptions, ObservedMapOptions};
pub use value::ReadValue;
#[doc(hidden)]
pub use whole::WholeMap;
