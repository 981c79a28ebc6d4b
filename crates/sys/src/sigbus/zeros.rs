//! Faults in a slice that was lent to code of the user's: zeros take the place of the rest.
//!
//! # Safety
//! New pages are mapped only over the rest of a range that is registered as
//! [`super::registry::Kind::Poison`], whose holder owns the addresses until it leaves the
//! registry and treats everything read since as worthless.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use super::registry::Found;

/// The size of a page, learnt before the handler can need it.
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Learns what the handler must not ask for.
pub(super) fn set_up() {
    PAGE.store(rustix::param::page_size(), Ordering::Relaxed);
}

/// Maps zeros from the page of `address` to the end of the range and poisons its slot;
/// false when the kernel refuses, and then the fault is nobody's.
pub(super) fn zero_fill(address: usize, found: &Found) -> bool {
    let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
    // Before the zeros: whoever reads one must find the flag set afterwards.
    found.poison();
    let flags = MapFlags::PRIVATE | MapFlags::FIXED;
    let at = ptr::with_exposed_provenance_mut(page);
    // SAFETY: `[page, found.end)` lies in a registered range, which its holder owns; a
    // syscall without a lock, so it may run in a signal.
    unsafe { rustix::mm::mmap_anonymous(at, found.end - page, ProtFlags::READ, flags) }.is_ok()
}
