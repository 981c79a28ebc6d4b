//! Private anonymous memory on the largest pages available, given back from the front.
//!
//! # Safety
//! An [`AnonMap`] owns its mapping from `new` to `unmap` or `Drop`; nobody else knows the
//! address, so the slices it lends obey the borrow of the map. Anonymous memory is zero before
//! it is written, so all of it may be read. Memory leaves the map only through `&mut self`.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::slice;

use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};

use crate::buffer::{HUGE_PAGE_BYTES, PAGE_BYTES};
use crate::{Errno, Result};

/// The pages a map is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Pages of [`PAGE_BYTES`]; transparent huge pages are declined.
    Small,
    /// Transparent huge pages where the kernel has some free (`MADV_HUGEPAGE`).
    Transparent,
    /// Pages of 2 MiB that the administrator reserved (`MAP_HUGETLB`). Without them the map is refused.
    Explicit,
}

/// Zeroed memory of this process alone, aligned to a huge page.
#[derive(Debug)]
pub struct AnonMap {
    start: NonNull<u8>,
    len: usize,
    /// What is unmapped in the end: the memory and, unless the pages are explicit,
    /// unusable addresses on both sides that keep other mappings from merging with it.
    reserved: Range<usize>,
    pages: Pages,
}

// SAFETY: the mapping belongs to the process and not to a thread, and `AnonMap` has no
// interior mutability: shared access only reads.
unsafe impl Send for AnonMap {}
// SAFETY: as above.
unsafe impl Sync for AnonMap {}

impl AnonMap {
    /// `len` bytes, rounded up to whole huge pages. Small and transparent pages take memory
    /// when they are first touched; explicit ones are reserved here, so touching them later
    /// cannot fail. See `mmap(2)`, `madvise(2)`.
    ///
    /// # Errors
    /// `EINVAL` for 0 bytes, `ENOMEM` when the addresses, the memory or the explicit huge
    /// pages are used up.
    pub fn new(len: usize, pages: Pages) -> Result<Self> {
        let len = len.checked_next_multiple_of(HUGE_PAGE_BYTES).ok_or(Errno::NOMEM)?;
        if len == 0 {
            return Err(Errno::INVAL);
        }
        if isize::try_from(len).is_err() {
            return Err(Errno::NOMEM);
        }
        match pages {
            Pages::Explicit => Self::explicit(len),
            Pages::Small | Pages::Transparent => Self::aligned(len, pages),
        }
    }

    fn explicit(len: usize) -> Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::HUGETLB | MapFlags::HUGE_2MB;
        let start = map_anywhere(len, ProtFlags::READ | ProtFlags::WRITE, flags)?;
        let at = start.as_ptr().addr();
        Ok(Self { start, len, reserved: at..at + len, pages: Pages::Explicit })
    }

    fn aligned(len: usize, pages: Pages) -> Result<Self> {
        let around = len.checked_add(2 * HUGE_PAGE_BYTES).ok_or(Errno::NOMEM)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let reserved = map_anywhere(around, ProtFlags::empty(), flags)?;
        let at = reserved.as_ptr().addr();
        // At least one page stays unusable on each side.
        let skip = (at + PAGE_BYTES).next_multiple_of(HUGE_PAGE_BYTES) - at;
        // SAFETY: `skip` is at most a huge page and less than `around`, which is mapped.
        let start = unsafe { reserved.add(skip) };
        // Dropped when a call below fails, which unmaps all of it.
        let map = Self { start, len, reserved: at..at + around, pages };
        let usable = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: the range lies in the reservation made above, which no slice points to yet.
        unsafe { mm::mprotect(start.as_ptr().cast::<c_void>(), len, usable) }?;
        let advice = match pages {
            Pages::Transparent => Advice::LinuxHugepage,
            _ => Advice::LinuxNoHugepage,
        };
        // A kernel without transparent huge pages refuses either; the map works the same.
        // SAFETY: this advice about a mapping of ours changes page sizes and no contents.
        let _ = unsafe { mm::madvise(start.as_ptr().cast::<c_void>(), len, advice) };
        Ok(map)
    }

    /// Bytes that were not released.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether everything was released.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pages that were asked for.
    #[must_use]
    pub fn pages(&self) -> Pages {
        self.pages
    }

    /// The addresses of its memory, as `/proc/self/smaps` lists them.
    #[must_use]
    pub fn addresses(&self) -> Range<usize> {
        let at = self.start.as_ptr().addr();
        at..at + self.len
    }

    /// The memory.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` are mapped readable, zeroed by the kernel, ours
        // alone, and stay so while `self` is borrowed.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The memory, for writing.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and `&mut self` is the only borrow.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Gives the whole huge pages among the first `bytes` back to the system and returns how
    /// many bytes those were; the memory then begins after them. See `munmap(2)`.
    ///
    /// # Errors
    /// `ENOMEM` at the limit of mappings; nothing was given back.
    pub fn release_front(&mut self, bytes: usize) -> Result<usize> {
        let bytes = bytes.min(self.len) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        if bytes == 0 {
            return Ok(0);
        }
        let end = self.start.as_ptr().addr() + bytes;
        let gone = self.reserved.start..end;
        let from = self.start.as_ptr().with_addr(gone.start);
        // SAFETY: the range is the front of our reservation, and `&mut self` says that no
        // slice of it is alive; `start` moves past it below.
        unsafe { mm::munmap(from.cast::<c_void>(), gone.len()) }?;
        // SAFETY: `bytes` is at most `len`, so this stays in or one past the memory.
        self.start = unsafe { self.start.add(bytes) };
        self.len -= bytes;
        self.reserved.start = end;
        Ok(bytes)
    }

    /// Gives all of it back.
    ///
    /// # Errors
    /// Those of `munmap(2)`; the memory is then lost until the process ends.
    pub fn unmap(mut self) -> Result<()> {
        self.unmap_rest()
    }

    fn unmap_rest(&mut self) -> Result<()> {
        let rest = core::mem::replace(&mut self.reserved, 0..0);
        self.len = 0;
        if rest.is_empty() {
            return Ok(());
        }
        let from = self.start.as_ptr().with_addr(rest.start);
        // SAFETY: `rest` is what is left of our own reservation, taken out of `self` above so
        // that it is unmapped once; `&mut self` says that no slice of it is alive.
        unsafe { mm::munmap(from.cast::<c_void>(), rest.len()) }
    }
}

impl Drop for AnonMap {
    fn drop(&mut self) {
        // A failure leaks addresses; `unmap` reports it.
        let _ = self.unmap_rest();
    }
}

fn map_anywhere(len: usize, prot: ProtFlags, flags: MapFlags) -> Result<NonNull<u8>> {
    // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes.
    let start = unsafe { mm::mmap_anonymous(ptr::null_mut(), len, prot, flags) }?;
    NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)
}

#[cfg(test)]
mod tests;
