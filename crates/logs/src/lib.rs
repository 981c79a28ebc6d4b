//! Log files, read in parallel at the speed of the read paths of [`cutwater`].
//!
//! A file is cut at line ends into pieces, which the threads of a pass take one after another
//! ([`split`]). A parser for the file's format ([`mod@format`]) makes a [`Record`] of a line, or of
//! several: where in the block each field begins and ends, and what its type is; fields are not
//! copied. An invalid line is a [`bad`] line: it is counted and located, and the pass goes on.
//!
//! ```
//! use std::ops::ControlFlow;
//! use cutwater_logs::{filter::Filter, scan};
//! use jiff::tz::TimeZone;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.json");
//! std::fs::write(&path, "{\"status\":200}\n{\"status\":503}\n{\"stat")?;
//!
//! let log = scan::open(&path, cutwater::ReadPath::Auto, None, &TimeZone::UTC)?; // finds the format
//! assert_eq!(log.definition.format().name(), "json");
//!
//! let mut request = scan::Request::new(2); // threads
//! request.filter = Filter::parse("status>=500", &TimeZone::UTC)?;
//! let stop = Default::default(); // ends the pass from another thread
//! let done = scan::scan(&[log], &request, &stop, || scan::Counting, |_, _| ControlFlow::Continue(()));
//!
//! assert!(done.failures.is_empty());
//! let tally = &done.tallies[0];
//! assert_eq!((tally.lines, tally.records, tally.matched), (3, 2, 1));
//! # Ok(()) }
//! ```
//!
//! [`scan::Sink`] is what takes records: there are sinks that count, group, profile, and write rows,
//! and you can write your own. [`scan::Pull`] is the same pass for a caller that brings its own
//! threads. [`seek`] finds a time in a sorted log without reading the rest, [`follow`] waits for more,
//! [`columns`] makes Arrow arrays.
//!
//! # Errors
//! [`Error`] is for files that cannot be read or became shorter, and for requests that make no sense
//! ([`Error::is_request`]). One log that fails does not end a pass over several:
//! failures are listed next to the counts in [`scan::Finished`].
#![forbid(unsafe_code)]

pub mod bad;
#[cfg(feature = "arrow")]
pub mod columns;
pub mod error;
pub mod filter;
pub mod follow;
pub mod format;
pub mod groups;
pub mod json;
pub mod misfits;
pub mod profile;
pub mod record;
pub mod render;
pub mod scan;
pub mod seek;
pub mod split;
pub mod time;
pub mod timeline;
pub mod value;
pub mod watch;

pub use error::{Error, Result};
pub use record::{FieldId, Fields, Level, Record, Span, SpanKind};
