//! Answers faults in a slice that was lent to a caller's code: zeros take the place of the rest.
//!
//! # Safety
//! New pages are mapped only over the rest of a range that is registered as
//! [`super::registry::OnFault::FillZeros`], whose holder owns the addresses until it leaves the
//! registry and treats everything read since as worthless.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use super::registry::MapRange;

/// The size of a page, known before the handler can need it.
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Looks up what the handler must not ask for.
pub(super) fn set_up() {
    PAGE.store(rustix::param::page_size(), Ordering::Relaxed);
}

/// Maps zeros from the page of `address` to the end of the range and poisons its slot;
/// false when the kernel refuses, and then the fault goes to the handler before ours.
pub(super) fn zero_fill(address: usize, range: &MapRange) -> bool {
    let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
    // Before the zeros: a reader of a zero must find the flag set afterwards.
    range.poison();
    let flags = MapFlags::PRIVATE | MapFlags::FIXED;
    let at = ptr::with_exposed_provenance_mut(page);
    // SAFETY: `[page, range.end)` lies in a registered range, which its holder owns; the
    // call takes no lock, so it may run in a signal.
    unsafe { rustix::mm::mmap_anonymous(at, range.end - page, ProtFlags::READ, flags) }.is_ok()
}
