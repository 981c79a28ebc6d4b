//! One operation at a time on a ring: enough for probes.
//!
//! # Safety
//! Memory that an operation points at must stay until its last completion. [`complete`] returns no
//! earlier, so a borrow during the call is enough.
#![allow(unsafe_code)]

use io_uring::cqueue::{self, more};
use io_uring::{IoUring, opcode, squeue};

use crate::{Errno, Result, errno_of};

/// Submits `entry` and waits for its last completion; gives the first one's result.
///
/// # Errors
/// The operation's own error, or the one with which `io_uring_enter(2)` refused.
///
/// # Safety
/// The memory that `entry` points at must live and not be touched until this returns, and the
/// operation must end by itself.
pub(in crate::probe) unsafe fn complete(ring: &mut IoUring, entry: &squeue::Entry) -> Result<u32> {
    // SAFETY: the caller keeps the entry's memory until we return, which is after its end.
    unsafe { ring.submission().push(entry) }.map_err(|_| Errno::BUSY)?;
    let first = next(ring)?;
    let mut last = first.clone();
    // The operation ends, as the caller vouches, and so does this loop.
    while more(last.flags()) {
        last = next(ring)?;
    }
    let result = first.result();
    u32::try_from(result).map_err(|_| Errno::from_raw_os_error(-result))
}

/// Waits for one completion.
///
/// Once the kernel has the entry, only its completion ends the wait: the memory is lent.
fn next(ring: &mut IoUring) -> Result<cqueue::Entry> {
    loop {
        if let Some(cqe) = ring.completion().next() {
            return Ok(cqe);
        }
        match ring.submit_and_wait(1) {
            Ok(_) => {}
            Err(e) if errno_of(&e) == Errno::INTR => {}
            // It was refused before anything was taken: the entry is still in our queue.
            Err(e) if !ring.submission().is_empty() => return Err(errno_of(&e)),
            // Completions of a plain ring are also run on the way out of any other call.
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Does nothing.
pub(super) fn nop(ring: &mut IoUring) -> Result<()> {
    // SAFETY: points at nothing.
    unsafe { complete(ring, &opcode::Nop::new().build()) }.map(drop)
}
