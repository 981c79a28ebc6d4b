//! Files for any other executor: futures that are `Send`.
//!
//! Resident bytes are copied at once, on the caller's thread. Other reads go through a queue without a
//! lock to a thread that has a ring, and the completion wakes the caller's task: no thread blocks for a
//! read, however many there are. Where the host refuses a ring, that thread gives reads to a pool.
//!
//! [`Reader`] and [`Writer`] have a position. With the feature `tokio` they are `tokio::io::AsyncRead`,
//! `AsyncSeek` and `AsyncWrite`; with `futures-io`, those of futures.

#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod adapters;
mod file;
mod pending;
mod reader;
mod thread;
mod writer;

pub use file::{File, OnBridge};
pub use reader::Reader;
pub use thread::{Bridge, BridgeOptions};
pub use writer::Writer;
