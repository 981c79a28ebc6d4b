//! The ring: `io_uring(7)` set up for one thread, with the buffers that it reads into.
//!
//! - `config`: what to ask for, and what was granted or refused with which error.
//! - `setup`: asks step by step, dropping what the kernel refuses.
//! - `queue`: [`ReadRing`], reads in flight into slots that belong to the ring until their
//!   completion was taken.
//! - `op`, `op_ring`: [`OpRing`], operations of any kind, each with its own buffer; `entry` is
//!   what each looks like to the kernel, `message` and
//!   `group` are the headers of datagrams and the buffers that the kernel picks from.

mod config;
mod entry;
mod group;
mod message;
mod op;
mod op_ring;
mod queue;
mod setup;

pub use config::{Feature, Refused, RingConfig, Setup, SqPoll};
pub use group::{GROUP_BUFFERS_MAX, GroupBuf, GroupId};
pub(crate) use message::Message;
pub use op::{
    DATAGRAM_HEAD_BYTES, DatagramHead, Event, LINKED_MAX, NO_OFFSET, Op, Outcome, Part, poll_bits,
};
pub use op_ring::{OpCounts, OpKey, OpRing};
pub use queue::{Completion, FILES_MAX, PushError, ReadRing, ReadTarget, SLOTS_MAX};
