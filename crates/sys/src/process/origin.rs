//! Whether this process made an object or inherited it by `fork(2)`: a page that a fork wipes.
//!
//! A child has a copy of its parent's memory and shares its descriptors. It does not have the parent's
//! threads, nor memory that is not copied (the queues of a ring, maps under `MADV_DONTFORK`). Objects
//! that own such things must do nothing in a child, not even when they are dropped.
//!
//! # Safety
//! One page is mapped and never unmapped; it is only reached as an atomic word at its start.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::buffer::PAGE_BYTES;

/// The process in which an object was made. A check costs a load; where the kernel cannot wipe
/// pages (before 4.14), a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(u64);

/// The number that the next process gets. A fork copies it, so that a child's number is larger than
/// those of all processes before it.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The page with this process's number; 0 before it has one, and in a fresh child.
static PAGE: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();

impl Origin {
    /// This process.
    #[must_use]
    pub fn here() -> Self {
        let Some(word) = PAGE.get_or_init(page) else {
            return Self(u64::from(std::process::id()));
        };
        let now = word.load(Ordering::Relaxed);
        if now != 0 {
            return Self(now);
        }
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        match word.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Self(mine),
            Err(other) => Self(other),
        }
    }

    /// Another process: for tests of what is done in a child.
    #[must_use]
    pub const fn elsewhere() -> Self {
        Self(0)
    }

    /// Whether this is the process in which [`Origin::here`] was called.
    #[must_use]
    pub fn is_here(self) -> bool {
        self == Self::here()
    }
}

fn page() -> Option<&'static AtomicU64> {
    let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes.
    let page = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), PAGE_BYTES, prot, flags) };
    let page = page.ok()?;
    // SAFETY: the page is ours, and nothing is in it yet.
    if unsafe { rustix::mm::madvise(page, PAGE_BYTES, Advice::LinuxWipeOnFork) }.is_err() {
        // SAFETY: mapped above, and nothing refers to it.
        let _ = unsafe { rustix::mm::munmap(page, PAGE_BYTES) };
        return None;
    }
    // SAFETY: a zeroed page, aligned, mapped for good and known to nobody else.
    Some(unsafe { AtomicU64::from_ptr(page.cast()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_and_its_child_are_other_processes() {
        let here = Origin::here();
        assert!(here.is_here());
        // SAFETY: the child makes system calls and leaves by `_exit`.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let child = Origin::here();
            let wrong = here.is_here() || !child.is_here();
            // SAFETY: as above.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let wrong = here.is_here() || child.is_here() || !Origin::here().is_here();
                // SAFETY: ends the process.
                unsafe { libc::_exit(i32::from(wrong)) };
            }
            let failed = wait(pid) != 0 || wrong || !child.is_here();
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(failed)) };
        }
        assert_eq!(wait(pid), 0);
        assert!(here.is_here());
    }

    fn wait(pid: libc::pid_t) -> i32 {
        let mut status = -1;
        // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if waited == pid { status } else { -1 }
    }
}
