//! The memory behind a lease: the file's pages, and anonymous ones to take their place.
//!
//! # Safety
//! A [`Region`] owns two ranges of addresses from `new` to its drop. The first always
//! reads as the same bytes: those of the file while the lease stands, then those of a copy
//! that was finished before the lease was given up. Where such a copy cannot be had, the
//! range becomes unreadable: a load ends the process rather than returns another byte.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags};

use crate::{Errno, Result};

/// Bytes copied between two looks at the clock: 8 MiB take a few milliseconds.
const PIECE_BYTES: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct Region {
    start: NonNull<c_void>,
    /// Reserved when the lease is taken, so that a break needs no address space; no page
    /// of it is touched before.
    standby: NonNull<c_void>,
    /// In whole pages.
    len: usize,
    /// The file's length, bytes.
    size: usize,
    /// Whether `standby` became `start`.
    moved: AtomicBool,
}

// SAFETY: two address ranges, which belong to no thread.
unsafe impl Send for Region {}
// SAFETY: `bytes` only reads what never changes; `copy_over` has one caller, the watcher.
unsafe impl Sync for Region {}

impl Region {
    /// Maps a leased file of `size` bytes, more than 0.
    pub(super) fn new(fd: BorrowedFd<'_>, size: usize, populate: bool) -> Result<Self> {
        let page = rustix::param::page_size();
        let len = size.checked_next_multiple_of(page).ok_or(Errno::FBIG)?;
        let both = ProtFlags::READ | ProtFlags::WRITE;
        let null = ptr::null_mut();
        // SAFETY: no address is asked for, so the kernel takes one that nothing uses.
        let start =
            unsafe { rustix::mm::mmap(null, size, ProtFlags::READ, MapFlags::SHARED, fd, 0) }?;
        let start = NonNull::new(start).ok_or(Errno::NOMEM)?;
        // SAFETY: as above.
        let standby = unsafe { rustix::mm::mmap_anonymous(null, len, both, MapFlags::PRIVATE) };
        let Ok(Some(standby)) = standby.map(NonNull::new) else {
            // SAFETY: mapped above and known to nobody else.
            unsafe { rustix::mm::munmap(start.as_ptr(), len) }?;
            return Err(Errno::NOMEM);
        };
        let region = Self { start, standby, len, size, moved: AtomicBool::new(false) };
        // A forked child has no watcher: it must not keep a map that nobody replaces.
        region.advise(start, Advice::LinuxDontFork)?;
        region.advise(standby, Advice::LinuxDontFork)?;
        // Huge pages make the copy faster; it works without them.
        let _ = region.advise(standby, Advice::LinuxHugepage);
        if populate {
            region.advise(start, Advice::LinuxPopulateRead)?;
        }
        Ok(region)
    }

    fn advise(&self, range: NonNull<c_void>, advice: Advice) -> Result<()> {
        // SAFETY: the range is `len` bytes of this region's own, and none of the advice used
        // here changes what it reads as.
        unsafe { rustix::mm::madvise(range.as_ptr(), self.len, advice) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `size` bytes are mapped readable until `drop` and never change, as the
        // module's safety section says.
        unsafe { std::slice::from_raw_parts(self.start.cast().as_ptr(), self.size) }
    }

    /// Reads the file into the standby memory and moves that over the file's pages; false
    /// when a read failed, was short or passed the deadline. Only the watcher calls this,
    /// once, while the lease stands.
    pub(super) fn copy_over(&self, fd: BorrowedFd<'_>, deadline: Instant) -> bool {
        // SAFETY: mapped writable in `new`, zeroed, `size` long, and only this one call, of
        // the one watcher, ever touches it.
        let to = unsafe {
            std::slice::from_raw_parts_mut(self.standby.cast::<u8>().as_ptr(), self.size)
        };
        let mut done = 0;
        while done < to.len() {
            let end = to.len().min(done + PIECE_BYTES);
            match rustix::io::pread(fd, &mut to[done..end], done as u64) {
                Ok(n) if n > 0 && Instant::now() < deadline => done += n,
                Err(Errno::INTR) => {}
                _ => return false,
            }
        }
        let (from, to) = (self.standby.as_ptr(), self.start.as_ptr());
        let flags = MremapFlags::MAYMOVE;
        // SAFETY: both ranges are this region's own and `len` long; the bytes that appear at
        // `to` are those that were there. Other threads wait for the move in their faults.
        let moved = unsafe { rustix::mm::mremap_fixed(from, self.len, self.len, flags, to) };
        if moved.is_err() {
            // The kernel may have unmapped the target first, and then its addresses can be
            // anybody's: neither a slice over them nor mending them would be sound.
            std::process::abort();
        }
        self.moved.store(true, Ordering::Release);
        true
    }

    /// Makes every further load end the process.
    pub(super) fn shut(&self) {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let (at, none) = (self.start.as_ptr(), ProtFlags::empty());
        // SAFETY: the range is this region's own; loads from it fault from here on, which
        // ends the process and returns no byte.
        if unsafe { rustix::mm::mmap_anonymous(at, self.len, none, flags) }.is_err() {
            std::process::abort();
        }
    }

    /// Unmaps both; what was unmapped is not unmapped again.
    pub(super) fn unmap(self) -> Result<()> {
        let mut region = std::mem::ManuallyDrop::new(self);
        region.release()
    }

    fn release(&mut self) -> Result<()> {
        // SAFETY: the range is this region's own and `&mut self` says that no slice is left.
        let first = unsafe { rustix::mm::munmap(self.start.as_ptr(), self.len) };
        if self.moved.load(Ordering::Acquire) {
            return first;
        }
        // SAFETY: as above, and it was not moved away.
        let second = unsafe { rustix::mm::munmap(self.standby.as_ptr(), self.len) };
        first.and(second)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // Nobody is left to report to.
        let _ = self.release();
    }
}
