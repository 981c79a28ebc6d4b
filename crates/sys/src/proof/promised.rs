//! `&[u8]` over an ordinary file, by a promise of the caller.
//!
//! # Safety
//! The kernel proves nothing about an ordinary file: a writer may change bytes under
//! a `&[u8]`, and a truncation makes reads raise SIGBUS. So a [`PromisedMap`] can be
//! made only with a [`Promise`], and only `unsafe` makes one: the author of that `unsafe`
//! vouches that the files are replaced by rename and never changed in place.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::Result;
use crate::buffer::dangling;

/// The caller vouched that files are replaced by rename and never changed in place.
#[derive(Debug, Clone, Copy)]
pub struct Promise(());

impl Promise {
    /// Vouches for every file that is opened with this promise.
    ///
    /// # Safety
    /// While any of these files is mapped, nobody writes to it, truncates it or punches a
    /// hole into it: new contents come as a new file, renamed over the old one. No
    /// writer does otherwise, not even by mistake.
    #[must_use]
    pub unsafe fn replaced_never_changed() -> Self {
        Self(())
    }
}

/// A read-only map of a whole ordinary file.
#[derive(Debug)]
pub struct PromisedMap {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the bytes are immutable by the promise, and the map belongs to no thread.
unsafe impl Send for PromisedMap {}
// SAFETY: shared access only ever reads bytes that nobody changes, by the promise.
unsafe impl Sync for PromisedMap {}

impl PromisedMap {
    /// Maps the file and reads it in, so that a failed read is an error here and not
    /// a signal later; `mmap(2)`, and `madvise(2)` with `MADV_POPULATE_READ` (5.14).
    ///
    /// The kernel may still evict pages; if reading them again fails, that raises SIGBUS, as
    /// with every map of a file.
    ///
    /// # Errors
    /// `EINVAL` for anything but a regular file, `EFBIG` for one longer than the address space,
    /// `EFAULT` or `EIO` when it cannot be read, and those of `mmap(2)`.
    pub fn new(fd: BorrowedFd<'_>, _by: Promise) -> Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::INVAL);
        }
        let len = isize::try_from(stat.st_size).map_err(|_| Errno::FBIG)?.unsigned_abs();
        if len == 0 {
            return Ok(Self { base: dangling(), len });
        }
        // SAFETY: a null hint lets the kernel pick unused addresses; no memory of ours is replaced.
        let base = unsafe {
            rustix::mm::mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, fd, 0)
        }?;
        let map = Self { base: NonNull::new(base.cast()).ok_or(Errno::NOMEM)?, len };
        // SAFETY: the range is exactly our map; populating reads it and changes no byte.
        match unsafe { rustix::mm::madvise(map.address(), len, Advice::LinuxPopulateRead) } {
            // A kernel before 5.14 does not know it.
            Ok(()) | Err(Errno::INVAL) => Ok(map),
            Err(e) => Err(e),
        }
    }

    fn address(&self) -> *mut c_void {
        self.base.as_ptr().cast()
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `base` is valid for reads of `len` bytes until drop; by the `Promise` no
        // byte and no length changes; for 0 the pointer is aligned and dangling.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }

    /// Unmaps; `munmap(2)`. Dropping does the same and cannot report.
    ///
    /// # Errors
    /// `ENOMEM` when the process has as many maps as it may; the map then stays.
    pub fn close(self) -> Result<()> {
        std::mem::ManuallyDrop::new(self).unmap()
    }

    fn unmap(&self) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: exactly the range that `new` got; both callers give up `self`, and the
        // slices lent from it ended before, as they borrow it.
        unsafe { rustix::mm::munmap(self.address(), self.len) }
    }
}

impl Drop for PromisedMap {
    fn drop(&mut self) {
        // Nobody to report to; the addresses stay taken and nothing else breaks.
        let _ = self.unmap();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    fn promise() -> Promise {
        // SAFETY: the files of these tests are temporary and not changed once mapped.
        unsafe { Promise::replaced_never_changed() }
    }

    #[test]
    fn a_file_reads_as_written() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[5; 5000]).unwrap();
        let map = PromisedMap::new(file.as_fd(), promise()).unwrap();
        assert_eq!(map.bytes(), [5; 5000]);
        map.close().unwrap();
    }

    #[test]
    fn an_empty_file_is_an_empty_slice() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(PromisedMap::new(file.as_fd(), promise()).unwrap().bytes(), b"");
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let directory = std::fs::File::open("/").unwrap();
        assert_eq!(PromisedMap::new(directory.as_fd(), promise()).err(), Some(Errno::INVAL));
    }
}
