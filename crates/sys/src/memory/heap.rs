//! What the allocator does with memory that was freed (`mallopt(3)`).
//!
//! # Safety
//! `mallopt` takes two integers and no pointer.
#![allow(unsafe_code)]

/// From now on, blocks of at least `bytes` get a mapping of their own, which is unmapped when they are
/// freed, and all threads share one heap. Then resident memory is close to memory in use. By itself,
/// glibc raises that size up to 32 MiB as such blocks are freed, and keeps a heap for each thread. The
/// price is a page fault for each page of a large block.
///
/// Returns whether the allocator took the setting; C libraries other than glibc have none. Call it
/// early, as threads keep the heaps that they already have.
pub fn return_large_blocks(bytes: usize) -> bool {
    #[cfg(target_env = "gnu")]
    {
        /// `M_ARENA_MAX` of glibc's `malloc.h`, which the `libc` crate leaves out on some targets.
        const ARENA_MAX: libc::c_int = -8;
        let Ok(bytes) = libc::c_int::try_from(bytes) else { return false };
        // SAFETY: mallopt(3) only stores its second argument in the allocator, under its lock.
        let mapped = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, bytes) };
        // SAFETY: as above.
        let shared = unsafe { libc::mallopt(ARENA_MAX, 1) };
        mapped == 1 && shared == 1
    }
    #[cfg(not(target_env = "gnu"))]
    {
        let _ = bytes;
        false
    }
}
