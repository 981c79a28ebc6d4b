//! One configuration, one copy in memory, many processes.
//!
//! A [`Publisher`] validates a configuration, writes it into a sealed anonymous file and
//! hands that to every reader over a Unix socket. A [`SharedConfig`] in each reader verifies
//! the seals, validates once, and from then on `&T` is a pointer into the one copy.
//!
//! ```
//! use cutwater_keep::shared_config::{Publisher, Shared, SharedConfig, zerocopy};
//! use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
//!
//! #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
//! #[repr(C)]
//! struct Limits {
//!     requests_max: u64,
//!     bytes_max: u64,
//! }
//!
//! impl Shared for Limits {
//!     const FORMAT: u64 = 1;
//!     fn validate(&self) -> Result<(), String> {
//!         if self.requests_max == 0 { Err("requests_max is 0".into()) } else { Ok(()) }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("limits.sock");
//! let publisher = Publisher::<Limits>::bind(&path)?;
//! publisher.publish(&Limits { requests_max: 10, bytes_max: 1 << 20 })?;
//!
//! // In another process:
//! let config = SharedConfig::<Limits>::subscribe(&path)?;
//! let mut reader = config.reader();
//! assert_eq!(reader.get().requests_max, 10);
//!
//! // Refused by the publisher: no reader sees it.
//! assert!(publisher.publish(&Limits { requests_max: 0, bytes_max: 0 }).is_err());
//! # Ok(()) }
//! ```
//!
//! # What it promises
//! - What a reader sees never changes under it: the file is sealed against writes, and the
//!   next generation is another file.
//! - A reader always has the last good generation: when the publisher dies, when it offers
//!   something that proves nothing (not sealed, another length or format, an older
//!   generation, no descriptor or several), or something that [`Shared::accept`] refuses.
//! - A reader connects again when the publisher is back, and generations go on.
//! - A slow reader skips generations, and never has more than one on the way.
//!
//! # What it costs
//! 64 MiB in 8 reader processes and their publisher, each reader having touched every page,
//! from a run of `cargo run --release -p cutwater-keep --example shared_config`:
//!
//! | process | RSS of the configuration, MiB | PSS, MiB |
//! |---|---:|---:|
//! | each of 8 readers | 64.0 | 8.0 |
//! | publisher, which has handed its map over | 0.0 | 0.0 |
//! | all nine | | 64.0: 1.000 of one copy |
//!
//! The same run: a new generation of 64 MiB was in force in all eight 8 ms after it was handed
//! over (median of 50; 12 ms at the 90th percentile, on 2 cores), where readers leave the
//! validation to the publisher; 41 ms where each validates all of it again; 0.8 ms for 1 MiB.
//!
//! # What it does not do
//! A publisher that is trusted (root, this user, or [`SubscribeOptions::trust_uid`]) decides
//! what the configuration says; seals keep it from changing that later, not from lying.
//! Pages may be swapped out like any memory. The plain form, [`FileConfig`], has no such
//! proof and rests on a [`Promise`].

mod cell;
mod error;
mod file;
mod generation;
mod peers;
mod publisher;
mod receiver;
mod subscriber;
mod wire;

pub use cell::{Generation, Reader};
pub use error::{ShareError, ShareResult};
pub use file::{FileConfig, Promise, publish_file};
pub use peers::Answers;
pub use publisher::{Prepared, Publisher};
pub use subscriber::{SharedConfig, Snapshot, SubscribeOptions};
pub use zerocopy;

use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A type that can be read where it lies, by every process that maps it.
///
/// Plain data without pointers: integers, arrays, `#[repr(C)]` structs of these; a header
/// with a slice as its last field gives a length that varies. Derive the traits it needs
/// from [`zerocopy`]. It is read in the byte order of this machine, as it goes nowhere else.
pub trait Shared: FromBytes + KnownLayout + Immutable + Send + Sync + 'static {
    /// A number to change when the layout or its meaning changes: readers of another
    /// format refuse it.
    const FORMAT: u64;

    /// Whether this is a good configuration; asked by the publisher, of the sealed bytes,
    /// before any reader gets them.
    ///
    /// # Errors
    /// Why it is not, for people.
    fn validate(&self) -> Result<(), String>;

    /// Whether a reader takes it; asked once per generation. All of
    /// [`validate`](Self::validate) by default. A large configuration whose publisher is
    /// trusted may check less here: reading 64 MiB takes each reader some 10 ms.
    ///
    /// # Errors
    /// Why it does not, for people.
    fn accept(&self) -> Result<(), String> {
        self.validate()
    }
}
