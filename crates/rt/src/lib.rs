//! Completions that wake the task directly.
//!
//! A task waits for an operation, the kernel completes the operation, and the completion makes the
//! task runnable: without a readiness event, a second system call, or a switch to another thread.
//!
//! - [`Runtime`]: an executor in which each core sleeps in a ring of its own (`io_uring(7)`). Where the host
//!   refuses a ring, the same programs run over a pool of threads ([`Backend`]).
//! - [`fs`]: files and directories.
//! - [`net`]: TCP, UDP and Unix sockets; for hyper by the feature `hyper`, TLS by `tls`.
//! - [`bridge`]: futures that are `Send`, for Tokio and any other executor.
//! - [`operation()`]: any operation of the ring ([`op`]).
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
//! # Simulation
//! A seed decides when and how operations end, and what the clock says ([`Backend::Fake`]):
//!
//! ```
//! use std::time::Duration;
//! use cutwater_rt::{Backend, Runtime, fs, time};
//!
//! for seed in 0..100 {
//!     let runtime = Runtime::options().backend(Backend::Fake(seed)).build()?;
//!     runtime.try_block_on(async {
//!         time::sleep(Duration::from_secs(3600)).await;        // takes no real time
//!         assert!(!fs::read("Cargo.toml").await?.is_empty());
//!         std::io::Result::Ok(())
//!     })??;
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Errors
//! Operations return [`std::io::Error`] with the kernel's error number, and give the buffer back in either
//! case. To join a task that was aborted or panicked is the error [`Aborted`].
//!
//! # Safety
//! There is no `unsafe` here. A buffer is given to an operation by value and comes back with its result. If
//! the future is dropped before, the operation is cancelled, and the buffer stays with the runtime until
//! the kernel has let go of it.
#![forbid(unsafe_code)]

#[cfg(any(feature = "tokio", feature = "futures-io", feature = "hyper"))]
mod adapters;
pub mod bridge;
mod driver;
mod executor;
pub mod fs;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod net;
pub mod op;
mod operation;
pub mod time;
#[cfg(feature = "tls")]
pub mod tls;

pub use driver::{Backend, Degraded, Path, STRANDED, Snapshot};
pub use executor::{
    Aborted, Cores, JoinHandle, RemoteHandle, Runtime, RuntimeOptions, counters, spawn,
    spawn_blocking, spawn_on, yield_now,
};
pub use operation::{Linked, Operation, Operations, linked, operation, operations};
