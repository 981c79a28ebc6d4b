//! A ring where a filter refuses `io_uring_register(2)`.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use cutwater_sys::Errno;
use cutwater_sys::ring::{Feature, ReadRing, ReadTarget, RingConfig};
use cutwater_sys::seccomp::{Refusal, SysCall, refuse};

use crate::child::assert_passes;

#[test]
fn without_registrations_a_ring_reads_and_remembers_each_refusal_once() {
    assert_passes(|| {
        if let Err(e) = refuse(&[SysCall::IoUringRegister], Refusal::Perm) {
            return cutwater_testing::skip!("no filter can be set: {e}");
        }
        let mut ring = match ReadRing::new(&RingConfig::default()) {
            Ok(ring) => ring,
            Err(e) => return cutwater_testing::skip!("no io_uring here: {e}"),
        };
        let file = Arc::new(OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap()));
        for _ in 0..3 {
            assert_eq!(ring.keep_file(&file), Err(Errno::PERM));
            assert!(!ring.register_arena());
        }
        let of = |feature| ring.setup().refused.iter().filter(|r| r.feature == feature).count();
        assert_eq!((of(Feature::RegisteredFiles), of(Feature::RegisteredArena)), (1, 1));
        ring.cut(4096).unwrap();
        ring.push(0, 0, 4, &ReadTarget::Fd(file), 0, false).unwrap();
        let mut done = Vec::new();
        while ring.reap(&mut done) == 0 {
            ring.submit_and_wait(1).unwrap();
        }
        assert_eq!(
            (done[0].result, ring.bytes(0).map(|b| &b[..4])),
            (Ok(4), Some(&b"\x7fELF"[..]))
        );
    });
}
