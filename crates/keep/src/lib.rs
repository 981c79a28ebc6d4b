//! What a program keeps in memory and in files, safe from what other processes do to them.
//!
//! - [`hot_files`]: small files that are read again and again, held in memory and never stale;
//! - [`shared_config`]: one configuration in memory for many processes, replaced as a whole;
//! - [`scratch`]: intermediate data, in memory up to a bound and in a file beyond it;
//! - [`append_log`]: a log file with one writer, and readers in other processes.
//!
//! Each module's page has an example, its bounds, and what it does not do. None needs another.
//!
//! # Errors
//! Nearly every call returns [`Error`], the error of `cutwater-maps` and `cutwater`; shared
//! configuration returns a [`ShareError`](shared_config::ShareError).
//!
//! # Safety
//! This crate has no `unsafe` code. One function that it passes on is `unsafe` to call:
//! [`shared_config::Promise::replaced_never_changed`].
//!
//! # Forked children
//! What has one owner stays the parent's, and dropping it in a child made by `fork(2)` changes
//! nothing: there an [`append_log`] and a publisher refuse to write, a subscription stays at the last
//! good configuration, and scratch memory that was spilled is an error. Hot files are read as by the
//! parent, without its events.
#![forbid(unsafe_code)]

pub mod append_log;
pub mod hot_files;
mod lock;
pub mod scratch;
pub mod shared_config;

pub use cutwater_maps::{Error, Result};

use cutwater_maps::error;
