//! Completions that wake the task directly.
//!
//! A task waits for an operation, the kernel completes it, and the completion itself makes the
//! task runnable: no readiness, no second system call, no hop between threads.
//!
//! - [`Runtime`]: an executor whose parking place is the ring (`io_uring(7)`), one for each core. Where
//!   the host refuses a ring it runs the same programs over a pool of threads ([`Backend`]).
//! - [`fs`]: files and directories on it.
//! - [`net`]: TCP, UDP and Unix sockets on it; for hyper by the feature `hyper`, TLS by `tls`.
//! - [`bridge`]: futures that are `Send`, for Tokio and any other executor.
//!
//! ```
//! use cutwater_rt::{Runtime, fs::File};
//!
//! let runtime = Runtime::new()?;
//! let bytes = runtime.block_on(async {
//!     let file = File::open("Cargo.toml").await?;
//!     let (read, buf) = file.read_at(vec![0; 64], 0).await;
//!     read.map(|n| buf[..n].to_vec())
//! })?;
//! assert!(bytes.starts_with(b"[package]"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Errors
//! Operations return [`std::io::Error`] with the kernel's error number, and give the buffer back in either
//! case. A task that was aborted or panicked is [`Aborted`] to whoever joins it.
//!
//! # Safety
//! There is no `unsafe` here. A buffer is given to an operation by value and comes back with its result; where
//! the future is dropped before, the operation is cancelled and the buffer stays with the runtime until
//! the kernel has let go of it.
#![forbid(unsafe_code)]

pub mod bridge;
mod driver;
mod executor;
pub mod fs;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod net;
mod perform;
pub mod time;
#[cfg(feature = "tls")]
pub mod tls;

pub use driver::{Backend, Counters, Degraded, Linked, Operation, Operations, Path};
pub use executor::{
    Aborted, Builder, Cores, JoinHandle, RemoteHandle, Runtime, counters, linked, operation,
    operations, spawn, spawn_blocking, spawn_on, yield_now,
};
