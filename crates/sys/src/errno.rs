//! Error numbers from where Rust's `std` and C keep them.

use std::borrow::Borrow;
use std::io;

use crate::Errno;

/// The calling thread's `errno`, after a call of `libc` that failed.
#[must_use]
pub fn last_errno() -> Errno {
    errno_of(io::Error::last_os_error())
}

/// The error number in `error`; `EIO` for an error that did not come from the kernel.
#[must_use]
pub fn errno_of(error: impl Borrow<io::Error>) -> Errno {
    Errno::from_io_error(error.borrow()).unwrap_or(Errno::IO)
}
