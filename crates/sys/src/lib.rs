//! The system layer of Cutwater, and the only crate with `unsafe` in it.
//!
//! Every file that needs `unsafe` allows it for itself and begins with a safety section;
//! every block has a SAFETY comment that names the fact it rests on. Functions here return
//! [`Errno`]: what an error means is for the crates above to say.
#![deny(unsafe_code)]

pub use rustix::io::Errno;

pub mod alloc_count;
pub mod anon_map;
#[cfg(feature = "ebpf")]
pub mod bpf;
pub mod buffer;
pub mod lease;
pub mod map;
pub mod memfd;
pub mod perf;
pub mod pio;
pub mod poison;
pub mod probe;
pub mod promised;
pub mod residency;
pub mod ring;
pub mod sealed;
pub mod seccomp;
pub mod shared_map;
pub mod sigbus;
pub mod simd;
pub mod smaps;
pub mod terminal;
pub mod usage;
pub mod view;

/// What a system call returns.
pub type Result<T> = core::result::Result<T, Errno>;
