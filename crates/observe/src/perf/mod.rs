//! Counts, samples and records by `perf_event_open(2)`.
//!
//! [`Counter`] counts a kernel event (system calls, punts to io-wq). [`Sampler`] records the stacks
//! that threads run and wait in. Both can look at this process without
//! privileges where the host's `perf_event_paranoid` permits it. [`Trace`] records page faults
//! and reads of any process that the caller may look at. [`PerfError`] says what was refused, and
//! what to do.

mod chains;
mod counter;
mod error;
mod off_cpu;
mod open;
mod options;
mod record;
mod ring;
#[cfg(feature = "ebpf")]
mod run_at;
mod sampler;
mod session;
mod stacks;
mod tasks;
mod trace;
mod tracepoint;

pub use counter::{Counter, Event, Scope};
pub use error::PerfError;
pub use off_cpu::OffCpu;
pub use options::SamplerOptions;
#[cfg(feature = "ebpf")]
pub(crate) use run_at::{RunAt, run_at};
pub use sampler::{Sampler, Samples};
pub use stacks::Stack;
pub use trace::{CALL_CLOSE, CALL_IO_URING_ENTER, Chain, FRAMES_HZ, Moment, Start, Trace, What};

/// The time of `CLOCK_MONOTONIC`, the clock of events with times, nanoseconds.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
