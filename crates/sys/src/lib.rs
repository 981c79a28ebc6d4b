//! The system layer of Cutwater. It has most of the `unsafe` and depends on no other crate of ours.
//!
//! Programs use the crates above it (`cutwater`, `cutwater-rt`), which ask the kernel through it:
//!
//! - reading: [`pio`] (`preadv2(2)`), [`map`] (`mmap(2)`) with [`sigbus`] and [`poison`], [`ring`] (`io_uring(7)`);
//! - the page cache: [`residency`];
//! - memory: [`buffer`], [`heap`], [`anon_map`], [`shared_map`], [`memfd`];
//! - proofs that bytes cannot change: [`sealed`], [`lease`], [`promised`], and [`view`] for typed bytes;
//! - [`origin`]: whether this process made an object or inherited it by `fork(2)`;
//! - resources in use: [`usage`], [`smaps`], [`alloc_count`];
//! - [`lock`]: locks on a byte of a file;
//! - [`signals`]: which signals this process ignores;
//! - sockets: [`udp`] (segments of datagrams), [`udp_many`] (`recvmmsg(2)`);
//! - the host: [`probe`] finds out what it can do, [`seccomp`] refuses calls to this process, for tests;
//! - [`simd`]: the positions of quotation marks and other bytes in a block;
//! - [`terminal`]: the width of a terminal.
//!
//! ```
//! use std::{fs::File, os::fd::AsFd};
//! use cutwater_sys::{pio, residency};
//!
//! let file = File::open("Cargo.toml")?;
//! let mut head = [0; 9];
//! assert_eq!(pio::read(file.as_fd(), &mut head, 0)?, 9);
//! assert_eq!(&head, b"[package]");
//! if let Ok(stat) = residency::cachestat(file.as_fd(), 0..4096) {
//!     println!("{} of its pages are in the page cache", stat.cached);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Errors
//! Functions return the kernel's [`Errno`]; the crates above add the file and what to do.
//!
//! # Safety
//! Every file that needs `unsafe` allows it for itself and begins with a safety section;
//! every block has a SAFETY comment that names the fact it rests on. Nearly all functions are safe to
//! call; the others state what the caller must ensure.
#![deny(unsafe_code)]

pub use rustix::io::Errno;

mod errno;
mod io;
mod memory;
pub mod probe;
mod process;
mod proof;
pub mod ring;
pub mod sigbus;
pub mod simd;

pub use errno::{errno_of, last_errno};
pub use io::{lock, pio, residency, terminal, udp, udp_many};
pub use memory::{alloc_count, anon_map, buffer, heap, shared_map, smaps};
pub use process::{origin, seccomp, signals, usage};
pub use proof::{lease, memfd, promised, sealed, view};
pub use sigbus::{map, poison};

/// What a system call returns.
pub type Result<T> = core::result::Result<T, Errno>;
