//! Positioned reads: `preadv2(2)` and its flags.
//!
//! # Safety
//! The vectors given to the kernel are built in the same call from slots of one buffer that is
//! mutably borrowed for it; [`Vectors::read`] checks that slots are in bounds and disjoint.
#![allow(unsafe_code)]

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::{ReadWriteFlags, preadv2};

use crate::buffer::Buffer;
use crate::{Errno, Result, last_errno};

/// Flags of `preadv2(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadFlags {
    /// `RWF_NOWAIT`: only what is in the page cache; `EAGAIN` otherwise (Linux 4.14).
    pub nowait: bool,
    /// `RWF_DONTCACHE`: through the page cache, dropped after the read (Linux 6.14).
    pub dontcache: bool,
}

const RWF_DONTCACHE: u32 = 0x80;

impl ReadFlags {
    fn bits(self) -> ReadWriteFlags {
        let mut flags = ReadWriteFlags::empty();
        flags.set(ReadWriteFlags::NOWAIT, self.nowait);
        flags.set(ReadWriteFlags::from_bits_retain(RWF_DONTCACHE), self.dontcache);
        flags
    }
}

/// The largest offset that `pread(2)` takes: offsets are signed in the kernel.
pub const OFFSET_MAX: u64 = i64::MAX as u64;

/// One `pread(2)`: bytes read, 0 at the end of the file; may be fewer than asked.
///
/// # Errors
/// As the call; `EINVAL` for an offset past [`OFFSET_MAX`].
pub fn read(fd: BorrowedFd<'_>, buf: &mut [u8], offset: u64) -> Result<usize> {
    check(offset)?;
    rustix::io::pread(fd, buf, offset)
}

/// One `preadv2(2)` into the caller's buffers.
///
/// # Errors
/// As the call: `EAGAIN` when `nowait` finds nothing resident, `EOPNOTSUPP` for a flag that the
/// kernel or the file system lacks.
pub fn read_vectored(
    fd: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    offset: u64,
    flags: ReadFlags,
) -> Result<usize> {
    check(offset)?;
    let bufs_max = bufs.len().min(VECTORS_MAX);
    preadv2(fd, &mut bufs[..bufs_max], offset, flags.bits())
}

fn check(offset: u64) -> Result<()> {
    if offset > OFFSET_MAX { Err(Errno::INVAL) } else { Ok(()) }
}

/// Most vectors of one call: `IOV_MAX` on Linux.
pub const VECTORS_MAX: usize = 1024;

/// A preallocated array of I/O vectors, so that a vectored read allocates nothing.
#[derive(Debug)]
pub struct Vectors {
    raw: Vec<libc::iovec>,
}

// SAFETY: between calls the array is empty, so no address in it can be used from elsewhere.
unsafe impl Send for Vectors {}

impl Default for Vectors {
    fn default() -> Self {
        Self::new()
    }
}

impl Vectors {
    /// Room for [`VECTORS_MAX`] vectors (16 KiB).
    #[must_use]
    pub fn new() -> Self {
        Self { raw: Vec::with_capacity(VECTORS_MAX) }
    }

    /// One `preadv2(2)` from `offset` on that scatters into the slots of `buf`: `lens[i]` bytes
    /// to the beginning of slot `i`, slots being `slot_bytes` long.
    ///
    /// # Errors
    /// As [`read_vectored`]; `EINVAL` when the slots do not fit `buf` or each other.
    pub fn read(
        &mut self,
        fd: impl AsFd,
        buf: &mut Buffer,
        slot_bytes: usize,
        lens: &[usize],
        offset: u64,
        flags: ReadFlags,
    ) -> Result<usize> {
        check(offset)?;
        let fits = lens.len() <= VECTORS_MAX
            && lens.iter().all(|&len| len <= slot_bytes)
            && lens.len().checked_mul(slot_bytes).is_some_and(|all| all <= buf.len());
        if !fits {
            return Err(Errno::INVAL);
        }
        self.raw.clear();
        self.raw.extend(lens.iter().enumerate().map(|(i, &len)| libc::iovec {
            iov_base: buf.address(i * slot_bytes).cast(),
            iov_len: len,
        }));
        let (fd, count) = (fd.as_fd().as_raw_fd(), lens.len() as i32);
        let (offset, flags) = (offset as i64, flags.bits().bits() as i32);
        // SAFETY: checked above: each vector lies in its own slot of `buf`, which `&mut` keeps
        // from all others until the kernel has returned.
        let n = unsafe { libc::preadv2(fd, self.raw.as_ptr(), count, offset, flags) };
        self.raw.clear();
        usize::try_from(n).map_err(|_| last_errno())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn scatters_into_slots() {
        let mut f = tempfile::tempfile().unwrap();
        f.write_all(b"abcdefgh").unwrap();
        let mut buf = Buffer::new(3 * 4096).unwrap();
        let n = Vectors::new().read(&f, &mut buf, 4096, &[3, 2, 5], 1, ReadFlags::default());
        assert_eq!(n, Ok(7));
        let all = buf.as_slice();
        assert_eq!(
            (&all[..3], &all[4096..4098], &all[8192..8195]),
            (&b"bcd"[..], &b"ef"[..], &b"gh\0"[..])
        );
    }

    #[test]
    fn refuses_slots_that_do_not_fit() {
        let f = tempfile::tempfile().unwrap();
        let mut buf = Buffer::new(4096).unwrap();
        let mut read = |slot, lens: &[usize], at| {
            Vectors::new().read(&f, &mut buf, slot, lens, at, ReadFlags::default())
        };
        assert_eq!(read(4096, &[4097], 0), Err(Errno::INVAL));
        assert_eq!(read(4096, &[1, 1], 0), Err(Errno::INVAL));
        assert_eq!(read(usize::MAX, &[1, 1], 0), Err(Errno::INVAL));
        assert_eq!(read(4096, &[1], u64::MAX), Err(Errno::INVAL));
        assert_eq!(read(2048, &[1, 1], 0), Ok(0));
    }
}
