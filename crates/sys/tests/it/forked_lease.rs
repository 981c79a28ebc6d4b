//! A lease, and a child made by `fork(2)` while it is held.
//!
//! # Safety
//! The child drops the lease, which makes no call there, and leaves by `_exit(2)`; should it wait for
//! the watcher, which it does not have, an alarm ends it.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;

use cutwater_sys::Errno;
use cutwater_sys::lease::{LeaseOptions, LeaseState, Leased};

use crate::child::assert_passes;

#[test]
fn a_forked_child_that_drops_a_lease_leaves_it_to_its_parent() {
    assert_passes(|| {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let bytes = vec![7; 10_000];
        std::fs::write(&path, &bytes).unwrap();
        let mut leased = match Leased::open(&path, &LeaseOptions::default()) {
            Ok(leased) => ManuallyDrop::new(leased),
            Err(e @ (Errno::OPNOTSUPP | Errno::ACCESS)) => {
                return cutwater_testing::skip!("no lease: {e}");
            }
            Err(e) => panic!("{e}"),
        };
        // SAFETY: the child drops the lease alone and `_exit`s.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid == 0 {
            // SAFETY: no memory is involved.
            unsafe { libc::alarm(20) };
            let seen = leased.bytes().len() + usize::from(leased.state() != LeaseState::Lost);
            // SAFETY: the child does not use the lease again, and leaves by `_exit`.
            unsafe { ManuallyDrop::drop(&mut leased) };
            // SAFETY: ends the process without running anything of the parent's.
            unsafe { libc::_exit(i32::from(seen > 0)) };
        }
        let mut status = -1;
        // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, 0, "the child waited for a thread that it does not have");
        assert_eq!(leased.state(), LeaseState::Held);
        std::fs::write(&path, "other").unwrap();
        assert!(leased.bytes() == bytes, "the child gave the lease of its parent up");
        assert!(ManuallyDrop::into_inner(leased).close().is_ok());
    });
}
