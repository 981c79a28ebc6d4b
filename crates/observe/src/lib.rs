//! Observes processes through the kernel: counters, stacks and traces. The second crate with `unsafe`.
//!
//! - [`perf`]: events by `perf_event_open(2)`. A [`perf::Counter`] counts, a [`perf::Sampler`] records the
//!   stacks of this process, a [`perf::Trace`] records the page faults and reads of any.
//! - `bpf` (feature `ebpf`): the same faults and reads, summed up by programs inside the kernel.
//!
//! ```
//! use cutwater_observe::perf::{Counter, Event, Scope};
//!
//! match Counter::open(Event::Syscalls, Scope::Thread) {
//!     Ok(calls) => println!("{} system calls since it was opened", calls.read()?),
//!     Err(e) => println!("{e}"), // says what to do
//! }
//! # Ok::<(), cutwater_sys::Errno>(())
//! ```
//!
//! # Safety
//! Every file that needs `unsafe` allows it for itself and begins with a safety section;
//! every block has a SAFETY comment that names the fact it rests on. All functions that it exports are
//! safe to call.
#![deny(unsafe_code)]

#[cfg(feature = "ebpf")]
pub mod bpf;
pub mod perf;
