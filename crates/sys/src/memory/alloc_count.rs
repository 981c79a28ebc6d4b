//! An allocator that counts its calls.
//!
//! # Safety
//! Every call is passed on unchanged to the system's allocator, which keeps the contract of
//! [`GlobalAlloc`]; counting touches no memory but one integer per thread.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, with a count. Put it under `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

/// Spread over cache lines, so that threads that allocate do not wait for each other.
#[repr(align(128))]
struct Count(AtomicU64);

const SHARDS: usize = 16;

static COUNTS: [Count; SHARDS] = [const { Count(AtomicU64::new(0)) }; SHARDS];
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // A constant without a destructor, so that using it never allocates.
    static SHARD: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
}

fn count() {
    // A thread that is ending has no shard any more; its calls count in the first.
    let shard = SHARD.try_with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) as usize % SHARDS);
        }
        shard.get()
    });
    COUNTS[shard.unwrap_or(0)].0.fetch_add(1, Ordering::Relaxed);
}

/// Allocations of all threads so far; 0 where [`Counting`] is not the program's allocator.
#[must_use]
pub fn allocations() -> u64 {
    COUNTS.iter().map(|count| count.0.load(Ordering::Relaxed)).sum()
}

// SAFETY: each method hands its arguments to the system's allocator and returns what that
// returned, so the trait's contract is kept by the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller gave a layout of non-zero size, as the trait demands of it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block came from `alloc` above, and so from the system's.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller gave a layout of non-zero size, as the trait demands of it.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's block came from the system's allocator, with this layout, and
        // `size` is not zero, as the trait demands.
        unsafe { System.realloc(block, layout, size) }
    }
}
