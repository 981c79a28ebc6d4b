//! Anonymous files that can be sealed: `memfd_create(2)` and its seals.
//!
//! A seal is a promise that the kernel keeps: once [`seal`] succeeded, nobody, not even the
//! creator, can change a byte or the length of the file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use crate::Result;

/// The seals that freeze a file's bytes, its length and its set of seals.
pub const FROZEN: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE).union(SealFlags::SEAL);

/// Most bytes of one `pwrite(2)`: the kernel stops a little below 2 GiB.
const WRITE_BYTES_MAX: usize = 1 << 30;

/// Creates an empty anonymous file that can be sealed; `memfd_create(2)`.
///
/// The name shows in `/proc/PID/fd` only. The file is close-on-exec, and not executable where the
/// kernel supports that (6.3).
///
/// # Errors
/// `EINVAL` for a name of more than 249 bytes or with a NUL, `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn create(name: &str) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        done => done,
    }
}

/// Writes all of `bytes` at `offset`; `pwrite(2)`.
///
/// # Errors
/// `EPERM` when the file is sealed, `EFBIG` when no file can be that long, `ENOSPC` or
/// `ENOMEM` when there is no memory for it.
pub fn write_all_at(fd: BorrowedFd<'_>, mut bytes: &[u8], mut offset: u64) -> Result<()> {
    while !bytes.is_empty() {
        let piece = &bytes[..bytes.len().min(WRITE_BYTES_MAX)];
        match rustix::io::pwrite(fd, piece, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => {
                bytes = bytes.get(n..).ok_or(Errno::IO)?;
                offset = offset.checked_add(n as u64).ok_or(Errno::FBIG)?;
            }
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Freezes bytes, length and the set of seals; `fcntl(2)` with `F_ADD_SEALS`.
///
/// # Errors
/// `EBUSY` while a writable shared map of the file exists, `EPERM` when further seals are
/// already refused, `EINVAL` when the file cannot be sealed.
pub fn seal(fd: BorrowedFd<'_>) -> Result<()> {
    rustix::fs::fcntl_add_seals(fd, FROZEN)
}

/// The seals on a file; `fcntl(2)` with `F_GET_SEALS`.
///
/// # Errors
/// `EINVAL` when the file cannot be sealed.
pub fn seals(fd: BorrowedFd<'_>) -> Result<SealFlags> {
    rustix::fs::fcntl_get_seals(fd)
}

/// A sealed anonymous file that holds `parts` one after the other.
///
/// # Errors
/// Those of [`create`], [`write_all_at`] and [`seal`].
pub fn sealed(name: &str, parts: &[&[u8]]) -> Result<OwnedFd> {
    let fd = create(name)?;
    let mut offset = 0u64;
    for part in parts {
        write_all_at(fd.as_fd(), part, offset)?;
        offset = offset.checked_add(part.len() as u64).ok_or(Errno::FBIG)?;
    }
    seal(fd.as_fd())?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_one_after_the_other() -> Result<()> {
        let fd = sealed("parts", &[b"one", b"", b"two"])?;
        let mut got = [0u8; 8];
        assert_eq!(rustix::io::pread(&fd, &mut got, 0)?, 6);
        assert_eq!(&got[..6], b"onetwo");
        Ok(())
    }

    #[test]
    fn a_sealed_file_refuses_every_change() -> Result<()> {
        let fd = sealed("sealed", &[b"bytes"])?;
        assert!(seals(fd.as_fd())?.contains(FROZEN));
        assert_eq!(write_all_at(fd.as_fd(), b"x", 0), Err(Errno::PERM));
        assert_eq!(write_all_at(fd.as_fd(), b"x", 5), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&fd, 0), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&fd, 6), Err(Errno::PERM));
        assert_eq!(rustix::fs::fcntl_add_seals(&fd, SealFlags::FUTURE_WRITE), Err(Errno::PERM));
        Ok(())
    }

    #[test]
    fn a_name_that_is_too_long_is_an_error() {
        assert_eq!(create(&"n".repeat(300)).map(drop), Err(Errno::INVAL));
    }

    #[test]
    fn an_offset_past_every_file_is_an_error() -> Result<()> {
        let fd = create("far")?;
        assert!(write_all_at(fd.as_fd(), b"x", u64::MAX).is_err());
        Ok(())
    }
}
