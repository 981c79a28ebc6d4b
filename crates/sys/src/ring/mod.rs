//! The ring: `io_uring(7)` set up for one thread, with the buffers that it reads into.
//!
//! - `config`: what to ask for, and what was granted or refused with which error.
//! - `setup`: asks step by step, dropping what the kernel refuses.
//! - `core`: what both kinds of ring share: queues, operations in flight, cancellation, forks, the end.
//! - `read_ring`: [`ReadRing`], reads into slots that belong to the ring until their completion was
//!   taken.
//! - `op`, `op_ring`: [`OpRing`], operations of any kind, each with its own buffer. `entry` makes
//!   their entries for the kernel; `stranded` decides what happens to them when the ring is given
//!   up; `group` has the buffers that the kernel picks from.

mod config;
mod core;
mod entry;
mod group;
mod op;
mod op_ring;
mod read_ring;
mod setup;
mod stranded;

pub use crate::io::datagram::{DATAGRAM_HEAD_BYTES, DatagramHead};
pub use config::{Feature, Refused, RingConfig, Setup, SqPoll};
pub use group::{GROUP_BUFFERS_MAX, GroupBuf, GroupId};
pub use op::{Event, LINKED_MAX, NO_OFFSET, Op, Outcome, Part, poll_bits};
pub use op_ring::{OpCounts, OpKey, OpRing};
pub use read_ring::{Completion, FILES_MAX, PushError, ReadRing, ReadTarget, SLOTS_MAX};
pub use stranded::Stranded;
