//! Locks on one byte of a file: `F_OFD_SETLK` and `F_OFD_GETLK` of `fcntl(2)`.
//!
//! Such a lock belongs to the open file (the "open file description"), as that of `flock(2)` does: two opens
//! of one process exclude each other, a child made by `fork(2)` shares the lock, and the last close ends it.
//! Unlike `flock(2)`, a lock to write needs a descriptor that is open for writing, and a lock that is in the
//! way can be asked for its kind.
//!
//! # Safety
//! Each block is a call of `fcntl(2)` with one struct of ours, which lives until the call returns.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};

use crate::{Errno, Result, last_errno};

/// What a try to lock a byte found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The byte is locked now.
    Locked,
    /// Another open file has a lock to write there; its process may write the file.
    HeldByWriter,
    /// Another open file has a lock to read there; its process may be one that may only read the file.
    HeldByReader,
}

/// How often to try again when the lock in the way is gone at the second look.
const TRIES_MAX: u32 = 16;

/// Locks the byte at `at` to write, without waiting. The file may be shorter.
///
/// # Errors
/// `EBADF` when the file is not open for writing; `ENOLCK` and others where the file system has no locks.
pub fn try_lock(file: impl AsFd, at: u64) -> Result<Outcome> {
    for _ in 0..TRIES_MAX {
        match call(&file, libc::F_OFD_SETLK, libc::F_WRLCK, at) {
            Ok(_) => return Ok(Outcome::Locked),
            Err(Errno::AGAIN | Errno::ACCESS) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        }
        match call(&file, libc::F_OFD_GETLK, libc::F_WRLCK, at)? {
            libc::F_WRLCK => return Ok(Outcome::HeldByWriter),
            libc::F_RDLCK => return Ok(Outcome::HeldByReader),
            // It was released between the two calls.
            _ => {}
        }
    }
    Ok(Outcome::HeldByReader)
}

/// Ends the lock of this open file on the byte at `at`, if there is one.
///
/// # Errors
/// Those of `fcntl(2)`.
pub fn unlock(file: impl AsFd, at: u64) -> Result<()> {
    call(&file, libc::F_OFD_SETLK, libc::F_UNLCK, at).map(drop)
}

/// Makes the call, and returns the kind of lock that the kernel left in the struct.
fn call(file: &impl AsFd, command: libc::c_int, kind: libc::c_int, at: u64) -> Result<libc::c_int> {
    let start = libc::off_t::try_from(at).map_err(|_| Errno::OVERFLOW)?;
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: 1,
        // These commands want it to be 0.
        l_pid: 0,
    };
    // SAFETY: the commands read and write one `flock`, which `lock` is.
    let result = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), command, &raw mut lock) };
    if result < 0 { Err(last_errno()) } else { Ok(libc::c_int::from(lock.l_type)) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn two_opens_exclude_each_other_byte_by_byte() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let (first, second) = (open(), open());
        assert_eq!(try_lock(&first, 7), Ok(Outcome::Locked));
        assert_eq!(try_lock(&second, 7), Ok(Outcome::HeldByWriter));
        assert_eq!(try_lock(&second, 8), Ok(Outcome::Locked));
        unlock(&first, 7).unwrap();
        assert_eq!(try_lock(&second, 7), Ok(Outcome::Locked));
    }

    #[test]
    fn a_descriptor_that_may_only_read_gets_no_lock() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(try_lock(File::open(file.path()).unwrap(), 0), Err(Errno::BADF));
        assert_eq!(try_lock(file.as_file(), u64::MAX), Err(Errno::OVERFLOW));
    }
}
