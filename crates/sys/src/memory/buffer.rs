//! Page-aligned memory: what `O_DIRECT` demands and registered buffers want.
//!
//! # Safety
//! A [`Buffer`] owns one anonymous private mapping from `new` to `Drop`; nobody else knows its
//! address, so the slices it lends obey the borrow of the buffer. Fresh anonymous memory is
//! zero, so it may be read before it was written.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::slice;

use rustix::mm::{self, Advice, MapFlags, ProtFlags};

use crate::{Errno, Result};

/// Bytes of a page of memory on the hosts we build for; checked by a test.
pub const PAGE_BYTES: usize = 4096;

/// Bytes of a huge page on x86-64 and aarch64 with 4 KiB pages.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The address of an empty slice of any type: dangling, and aligned as maps are.
pub(crate) fn dangling() -> NonNull<u8> {
    #[repr(align(4096))]
    struct Page;
    const _: () = assert!(align_of::<Page>() == PAGE_BYTES);
    NonNull::<Page>::dangling().cast()
}

/// Anonymous, zeroed, page-aligned memory with an address that does not change.
#[derive(Debug)]
pub struct Buffer {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process and not to a thread, and `Buffer` has no interior
// mutability: shared access only reads.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` bytes, rounded up to whole pages. A buffer of at least a huge page asks for transparent
    /// huge pages. Pages take memory when they are first touched.
    ///
    /// # Errors
    /// `ENOMEM` when the address space or the memory is used up, `EINVAL` for 0 bytes.
    pub fn new(len: usize) -> Result<Self> {
        let len = len.checked_next_multiple_of(PAGE_BYTES).ok_or(Errno::NOMEM)?;
        if len == 0 {
            return Err(Errno::INVAL);
        }
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes.
        let start = unsafe { mm::mmap_anonymous(ptr::null_mut(), len, prot, flags) }?;
        let start = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        if len >= HUGE_PAGE_BYTES {
            // A kernel without transparent huge pages refuses it; the buffer works the same.
            // SAFETY: MADV_HUGEPAGE on a mapping of ours changes page sizes and no contents.
            let _ =
                unsafe { mm::madvise(start.as_ptr().cast::<c_void>(), len, Advice::LinuxHugepage) };
        }
        Ok(Self { start, len })
    }

    /// Bytes in it.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a buffer is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// All of it.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `start` is the address of `len` mapped, initialised bytes until `Drop`, and
        // `&self` keeps `as_mut_slice` away.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// All of it, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and `&mut self` is the only borrow.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// The address of byte `at`, for the kernel; forms no reference, so other bytes may be lent.
    pub(crate) fn address(&self, at: usize) -> *mut u8 {
        debug_assert!(at < self.len);
        self.start.as_ptr().wrapping_add(at)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: this mapping is ours alone and no slice of it can outlive `self`.
        let _ = unsafe { mm::munmap(self.start.as_ptr().cast::<c_void>(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zeroed_aligned_and_whole_pages() {
        let mut b = Buffer::new(5000).unwrap();
        assert_eq!((b.len(), b.as_slice().as_ptr() as usize % PAGE_BYTES), (8192, 0));
        assert!(b.as_slice().iter().all(|&x| x == 0));
        b.as_mut_slice()[8191] = 7;
        assert_eq!(b.as_slice()[8191], 7);
    }

    #[test]
    fn refuses_nothing_and_too_much() {
        assert_eq!(Buffer::new(0).unwrap_err(), Errno::INVAL);
        assert_eq!(Buffer::new(usize::MAX).unwrap_err(), Errno::NOMEM);
        assert_eq!(Buffer::new(1 << 60).unwrap_err(), Errno::NOMEM);
    }

    #[test]
    fn page_constant_is_the_hosts() {
        assert_eq!(rustix::param::page_size(), PAGE_BYTES);
    }
}
