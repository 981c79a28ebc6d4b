//! A file mapped for writing while other processes read it, and the futex they wait on.
//!
//! # Safety
//! The memory of a [`SharedMap`] may be read and written by other processes at any time, so no
//! `&[u8]` or `&mut [u8]` over it exists: words are reached as atomics, and bytes are copied
//! into it by an instruction the compiler does not see through (x86-64) or as relaxed atomic
//! bytes (elsewhere). A [`SharedMap`] and a [`WaitWord`] own their mapping until `Drop`.
//! A page whose block is gone (the file was truncated) raises SIGBUS: callers allocate
//! and hold the file's blocks, and [`SharedMap::populate`] asks the kernel for the pages in a
//! way that fails with an error instead.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU64;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::mm::{self, Advice, MapFlags, ProtFlags};

use crate::buffer::PAGE_BYTES;
use crate::{Errno, Result, last_errno};

/// A range of a file, mapped shared and writable.
#[derive(Debug)]
pub struct SharedMap {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process and not to a thread; words are atomic, and the
// copies are sound against any other access by the module's rule.
unsafe impl Send for SharedMap {}
// SAFETY: as above.
unsafe impl Sync for SharedMap {}

impl SharedMap {
    /// Maps `len` bytes from `offset`, a multiple of the page size. See `mmap(2)`.
    ///
    /// # Errors
    /// `EINVAL` for 0 bytes or an unaligned offset, `EACCES` when the descriptor is not open
    /// for reading and writing, `ENODEV` where the file system has no maps, `ENOMEM`.
    pub fn new(fd: BorrowedFd<'_>, offset: u64, len: usize) -> Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        Ok(Self { start: map_shared(fd, offset, len, prot)?, len })
    }

    /// Bytes mapped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a map of 0 bytes cannot be made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The word at `at`; none where it is unaligned or past the end.
    #[must_use]
    pub fn word(&self, at: usize) -> Option<&AtomicU64> {
        if !at.is_multiple_of(align_of::<AtomicU64>()) || at.checked_add(8)? > self.len {
            return None;
        }
        // SAFETY: `at` is below `len`, checked above.
        let word = unsafe { self.start.add(at) };
        // SAFETY: the mapping begins on a page, so the word is aligned; it is mapped for
        // reading and writing as long as `self` lives; this process reaches it only as an
        // atomic or by the opaque copy.
        Some(unsafe { AtomicU64::from_ptr(word.as_ptr().cast::<u64>()) })
    }

    /// Copies `bytes` to `at`. Nothing is ordered: publish with a Release store after it.
    ///
    /// # Errors
    /// `ERANGE` when they do not fit; nothing was copied.
    pub fn store(&self, at: usize, bytes: &[u8]) -> Result<()> {
        if at.checked_add(bytes.len()).is_none_or(|end| end > self.len) {
            return Err(Errno::RANGE);
        }
        // SAFETY: `at` is at most `len`, checked above.
        let to = unsafe { self.start.add(at) };
        // SAFETY: `bytes.len()` bytes from `to` lie in our mapping, checked above.
        unsafe { copy_to_shared(to.as_ptr(), bytes) };
        Ok(())
    }

    /// Faults the pages of a range in for writing, so that touching them cannot fail. It returns an
    /// error where a touch would raise SIGBUS. Pages already written keep their contents. See
    /// `MADV_POPULATE_WRITE` in `madvise(2)`, from Linux 5.14.
    ///
    /// # Errors
    /// `ERANGE` past the end, `EINVAL` on older kernels, `EFAULT` where a page cannot be had
    /// (the file is shorter, its disk full), `ENOMEM`.
    pub fn populate(&self, at: usize, len: usize) -> Result<()> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Errno::RANGE);
        }
        let from = at / PAGE_BYTES * PAGE_BYTES;
        let len = (at + len - from).next_multiple_of(PAGE_BYTES);
        // SAFETY: `from` is below `len`, checked above.
        let start = unsafe { self.start.add(from) };
        loop {
            let start = start.as_ptr().cast::<c_void>();
            // SAFETY: the pages belong to our mapping; populating changes no contents.
            match unsafe { mm::madvise(start, len, Advice::LinuxPopulateWrite) } {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return other,
            }
        }
    }

    /// Wakes all threads and processes that wait for the 32-bit word at `at` (`FUTEX_WAKE`).
    pub fn wake(&self, at: usize) {
        if at.is_multiple_of(4) && at.checked_add(4).is_some_and(|end| end <= self.len) {
            // SAFETY: `at` is below `len`, checked above.
            let word = unsafe { self.start.add(at) };
            // SAFETY: FUTEX_WAKE takes the address as a name and touches no memory of ours.
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
        }
    }
}

impl Drop for SharedMap {
    fn drop(&mut self) {
        // SAFETY: our own mapping, unmapped once; the words it lent cannot outlive `self`.
        let _ = unsafe { mm::munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
    }
}

/// A 32-bit word in the first page of a file, mapped read-only, that is waited for and never read.
/// This process does not touch the page, so a truncated file is an error and not SIGBUS.
#[derive(Debug)]
pub struct WaitWord {
    page: NonNull<u8>,
    at: usize,
}

// SAFETY: the mapping belongs to the process, and only the kernel looks at its memory.
unsafe impl Send for WaitWord {}
// SAFETY: as above.
unsafe impl Sync for WaitWord {}

impl WaitWord {
    /// The word at byte `at` of a file. See `mmap(2)`.
    ///
    /// # Errors
    /// `EINVAL` for a word that is unaligned or not in the first page; `EACCES`, `ENODEV`,
    /// `ENOMEM` from the map.
    pub fn new(fd: BorrowedFd<'_>, at: usize) -> Result<Self> {
        if !at.is_multiple_of(4) || at >= PAGE_BYTES {
            return Err(Errno::INVAL);
        }
        Ok(Self { page: map_shared(fd, 0, PAGE_BYTES, ProtFlags::READ)?, at })
    }

    /// Sleeps while the word is `expected`, until it is woken or the time is over
    /// (`FUTEX_WAIT`). May wake early; look again at what was waited for.
    ///
    /// # Errors
    /// `EFAULT` when the file was truncated; `ENOSYS` where futexes are refused.
    pub fn wait(&self, expected: u32, time: Duration) -> Result<()> {
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        // SAFETY: `at` is in the page, checked in `new`.
        let word = unsafe { self.page.add(self.at) };
        let (word, time) = (word.as_ptr(), &raw const time);
        // SAFETY: FUTEX_WAIT reads the word and the time from inside the kernel, which turns
        // a page that is not there into EFAULT; `time` lives across the call.
        let answer =
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, expected, time) };
        if answer == 0 {
            return Ok(());
        }
        match last_errno() {
            Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT => Ok(()),
            other => Err(other),
        }
    }
}

impl Drop for WaitWord {
    fn drop(&mut self) {
        // SAFETY: our own mapping, unmapped once; no reference into it exists.
        let _ = unsafe { mm::munmap(self.page.as_ptr().cast::<c_void>(), PAGE_BYTES) };
    }
}

fn map_shared(fd: BorrowedFd<'_>, offset: u64, len: usize, prot: ProtFlags) -> Result<NonNull<u8>> {
    // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes;
    // a length of 0 and an unaligned offset are refused by the kernel.
    let start = unsafe { mm::mmap(ptr::null_mut(), len, prot, MapFlags::SHARED, fd, offset) }?;
    NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)
}

/// # Safety
/// `bytes.len()` bytes from `to` are mapped writable and this process reaches them only
/// as atomics or by this copy.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_to_shared(to: *mut u8, bytes: &[u8]) {
    // SAFETY: the ABI keeps the direction flag clear, so this reads `bytes` and writes the
    // range the caller vouches for; to the compiler it is opaque, like a call to the kernel,
    // so what other processes do to the range meanwhile is not a race in this program.
    unsafe {
        core::arch::asm!(
            "rep movsb",
            inout("rcx") bytes.len() => _,
            inout("rsi") bytes.as_ptr() => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

/// # Safety
/// As above.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy_to_shared(to: *mut u8, bytes: &[u8]) {
    use core::sync::atomic::{AtomicU8, Ordering};
    for (i, &byte) in bytes.iter().enumerate() {
        // SAFETY: `i` is below `bytes.len()`, so this stays in the caller's range.
        let to = unsafe { to.add(i) };
        // SAFETY: a mapped byte, which this process reaches as an atomic only.
        let to = unsafe { AtomicU8::from_ptr(to) };
        to.store(byte, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
