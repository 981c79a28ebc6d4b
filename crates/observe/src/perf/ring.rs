//! The ring that the kernel writes samples into: `mmap(2)` of a perf event.
//!
//! # Safety
//! The kernel writes only to bytes of the data area that we gave back by `data_tail`,
//! and publishes them by `data_head`. So the bytes
//! between our tail and a head loaded with acquire do not change until we store a new tail
//! with release. A [`View`] points to memory that its maker keeps alive: for [`Ring`], the map
//! that `Drop` unmaps.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use cutwater_sys::{Errno, Result};

/// The fields used of `struct perf_event_mmap_page`, in the map's first page.
#[repr(C)]
struct Header {
    /// The kernel may write to it at any time.
    _other: UnsafeCell<[u8; 1024]>,
    /// Bytes written so far; the kernel's.
    head: AtomicU64,
    /// Bytes taken so far; ours.
    tail: AtomicU64,
}

const _: () = assert!(offset_of!(Header, head) == 1024 && offset_of!(Header, tail) == 1032);

/// The largest data area of a ring, bytes: half a second of the deepest stacks at 997 Hz.
const DATA_BYTES_MAX: usize = 512 << 10;
/// The smallest data area: if not even this may be locked, there is no sampling.
const DATA_BYTES_MIN: usize = 32 << 10;

/// A ring in use.
#[derive(Debug)]
pub(super) struct Ring {
    view: View,
    map: NonNull<u8>,
    map_bytes: usize,
}

// SAFETY: the map belongs to the process and not to a thread, and `Ring` is its only user.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of `event`, as large as locked memory permits within the bounds.
    pub(super) fn map(event: BorrowedFd<'_>) -> Result<Self> {
        Self::map_up_to(event, DATA_BYTES_MAX)
    }

    /// The same with a data area of at most `data_bytes`, a power of two.
    pub(super) fn map_up_to(event: BorrowedFd<'_>, data_bytes: usize) -> Result<Self> {
        let page_bytes = rustix::param::page_size();
        let mut data_bytes = data_bytes.max(page_bytes);
        loop {
            match Self::map_sized(event, page_bytes, data_bytes) {
                Err(Errno::PERM | Errno::NOMEM)
                    if data_bytes / 2 >= DATA_BYTES_MIN.max(page_bytes) =>
                {
                    data_bytes /= 2;
                }
                mapped => return mapped,
            }
        }
    }

    fn map_sized(event: BorrowedFd<'_>, page_bytes: usize, data_bytes: usize) -> Result<Self> {
        let map_bytes = page_bytes + data_bytes;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let anywhere = std::ptr::null_mut();
        // SAFETY: without MAP_FIXED the kernel picks an address range that nothing else uses.
        let map =
            unsafe { rustix::mm::mmap(anywhere, map_bytes, access, MapFlags::SHARED, event, 0) }?;
        let map = NonNull::new(map.cast::<u8>()).ok_or(Errno::FAULT)?;
        // SAFETY: the map is one page longer than the data that follow its first page.
        let data = unsafe { map.add(page_bytes) };
        let view = View { header: map.cast(), data, data_bytes };
        Ok(Self { view, map, map_bytes })
    }

    /// Appends the unread records to `out` and gives their room back to the kernel.
    ///
    /// False when head and tail contradict each other; the unread records are then skipped.
    #[must_use]
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) -> bool {
        self.view.drain(out)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: `map_bytes` at `map` are the map made by `map_sized`; `view`, its only user,
        // goes away with this value.
        let _ = unsafe { rustix::mm::munmap(self.map.as_ptr().cast(), self.map_bytes) };
    }
}

/// Pointers to the parts of a ring.
#[derive(Debug)]
struct View {
    header: NonNull<Header>,
    data: NonNull<u8>,
    data_bytes: usize,
}

impl View {
    fn drain(&mut self, out: &mut Vec<u8>) -> bool {
        // SAFETY: `header` points to a live header (module level); its used fields are atomic, and
        // no reference promises that the others stay as they are.
        let header = unsafe { self.header.as_ref() };
        let tail = header.tail.load(Ordering::Relaxed);
        let head = header.head.load(Ordering::Acquire);
        let pieces = pieces(tail, head, self.data_bytes);
        for (start, len) in pieces.into_iter().flatten() {
            // SAFETY: `pieces` cuts at the end of the data area, so `start` is inside it.
            let at = unsafe { self.data.add(start) };
            // SAFETY: `start + len` is inside the data area, and the kernel leaves the bytes
            // before `head` alone until the store to `tail` below, after the last use.
            let unread = unsafe { std::slice::from_raw_parts(at.as_ptr(), len) };
            out.extend_from_slice(unread);
        }
        header.tail.store(head, Ordering::Release);
        pieces.is_some()
    }
}

/// The unread bytes as (start, length) in the data area: two pieces when they wrap around.
/// None when more are unread than the area holds.
fn pieces(tail: u64, head: u64, data_bytes: usize) -> Option<[(usize, usize); 2]> {
    let unread = usize::try_from(head.wrapping_sub(tail)).ok().filter(|n| *n <= data_bytes)?;
    // The area's size is a power of two, so this holds when the 64-bit count wraps, too.
    let start = (tail & (data_bytes as u64 - 1)) as usize;
    let first = unread.min(data_bytes - start);
    Some([(start, first), (0, unread - first)])
}

#[cfg(test)]
mod tests;
