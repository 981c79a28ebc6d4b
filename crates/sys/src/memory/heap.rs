//! What the allocator does with memory that was freed (`mallopt(3)`).
//!
//! # Safety
//! `mallopt` takes two integers and no pointer.
#![allow(unsafe_code)]

/// Has blocks of `bytes` and more mapped for themselves and unmapped when they are freed, and all
/// threads share one heap: what is resident is then near what is in use. glibc left to itself
/// raises that size to 32 MiB as such blocks are freed, and keeps a heap for each thread. It costs
/// a page fault for each page of a large block.
///
/// Whether the allocator took it; other C libraries than glibc have no such setting. Heaps that
/// threads have already stay, so that it is called early.
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
