//! Counting and sampling this process through `perf_event_open(2)`.
//!
//! [`Counter`] counts a kernel event (system calls, punts to io-wq); [`Sampler`] records what
//! the threads are doing, as stacks. Both look only at the calling process, so they work without
//! privileges wherever the host's `perf_event_paranoid` permits. [`Trace`] records page faults
//! and reads of any process that the caller may look at. What is refused is said, with what to
//! do, by [`PerfError`].

mod counter;
mod error;
mod open;
mod record;
mod ring;
mod sampler;
mod session;
mod stacks;
mod tasks;
mod trace;
mod tracepoint;

pub use counter::{Counter, Event, Scope};
pub use error::PerfError;
pub use sampler::{Sampler, SamplerOptions, Samples};
pub use stacks::Stack;
pub use trace::{CALL_CLOSE, CALL_IO_URING_ENTER, Moment, Start, Trace, What};
