//! What [`operation`](crate::operation()), [`linked`](crate::linked) and
//! [`operations`](crate::operations) take and give, with the types of their fields.

pub use cutwater_sys::ring::{
    DatagramHead, Event, GroupBuf, GroupId, LINKED_MAX, NO_OFFSET, Op, Outcome, Part,
};
pub use rustix::event::PollFlags;
pub use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, ResolveFlags};
pub use rustix::io::Errno;
