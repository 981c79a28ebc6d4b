//! Logs at the speed of the read paths.
//!
//! A file is cut into newline-aligned pieces that any number of threads take turns at
//! ([`split`]); each line becomes a [`Record`] of typed spans, by a parser for its format
//! ([`mod@format`]); what is not valid is a [`bad`] line: counted, located, never fatal.
#![forbid(unsafe_code)]

pub mod bad;
#[cfg(feature = "arrow")]
pub mod columns;
pub mod decimal;
pub mod error;
pub mod filter;
pub mod follow;
pub mod format;
pub mod groups;
pub mod json;
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
pub use record::{FieldId, Fields, Record, Span, SpanKind};
