//! What this process does with a signal: `sigaction(2)`.
//!
//! # Safety
//! One call that fills a struct of ours.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// Whether this process ignores `signal`. It inherits that from what started it: `nohup(1)` ignores SIGHUP
/// for its command.
#[must_use]
pub fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is given; sigaction(2) writes the struct that we own.
    let result = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all-zero bits are a valid `sigaction`, and so is what the kernel has written.
    result == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_programs_ignore_sigpipe_and_no_other() {
        assert!(is_ignored(libc::SIGPIPE) && !is_ignored(libc::SIGTERM));
        assert!(!is_ignored(-1), "there is no such signal");
    }
}
