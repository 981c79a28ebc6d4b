//! A ring, and a child made by `fork(2)` while operations are in flight.
//!
//! # Safety
//! The child uses and drops the ring, which takes no lock; it leaves by `_exit(2)`.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::Errno;
use cutwater_sys::ring::{
    Event, NO_OFFSET, Op, OpRing, Outcome, PushError, ReadRing, ReadTarget, RingConfig,
};

use crate::child::assert_passes;

/// Reads of empty pipes in flight at the fork.
const IN_FLIGHT: usize = 8;

fn next_outcome(ring: &mut OpRing) -> Outcome {
    loop {
        ring.submit_and_wait(Some(Duration::from_secs(60))).unwrap();
        let mut ended = None;
        ring.reap(|_, event| {
            if let Event::End(outcome) = event {
                ended = Some(outcome);
            }
        });
        if let Some(outcome) = ended {
            return outcome;
        }
    }
}

/// Runs `child` in a forked process and waits for it; its status, 0 where it came to its end.
pub(crate) fn forked(child: impl FnOnce()) -> i32 {
    // SAFETY: the child runs the closure of this test alone, which takes no lock, and `_exit`s.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // Caught here: a panic that left this function would end the process with a status of 0.
        let has_failed = catch_unwind(AssertUnwindSafe(child)).is_err();
        // SAFETY: ends the process without running anything of the parent's.
        unsafe { libc::_exit(i32::from(has_failed)) };
    }
    let mut status = -1;
    // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    status
}

#[test]
fn a_forked_child_that_uses_and_drops_the_ring_leaves_the_parents_operations_alone() {
    assert_passes(|| {
        let made = OpRing::new(&RingConfig { entries: 32, ..RingConfig::default() });
        let mut ring = match made {
            // Dropped by hand, as it is dropped in two processes.
            Ok(ring) => ManuallyDrop::new(ring),
            Err(e) => return cutwater_testing::skip!("no io_uring here: {e}"),
        };
        let pipes: Vec<(Arc<OwnedFd>, OwnedFd)> = (0..IN_FLIGHT)
            .map(|_| rustix::pipe::pipe().unwrap())
            .map(|(reader, writer)| (Arc::new(reader), writer))
            .collect();
        for (reader, _) in &pipes {
            let op =
                Op::Read { file: Arc::clone(reader), buf: vec![0; 8], at: 0, offset: NO_OFFSET };
            ring.push(op).map_err(|(_, e)| e).unwrap();
        }
        ring.submit().unwrap();
        let status = forked(|| {
            assert!(matches!(ring.push(Op::Nop), Err((Op::Nop, Errno::CHILD))));
            assert_eq!(ring.submit_and_wait(None), Err(Errno::CHILD));
            assert_eq!((ring.reap(|_, _| {}), ring.counts().overflows), (0, 0));
            assert_eq!((ring.submit(), ring.cancel(0)), (Err(Errno::CHILD), Err(Errno::CHILD)));
            let chain = ring.push_linked(vec![Op::Nop, Op::Nop]);
            assert!(matches!(chain, Err((ops, Errno::CHILD)) if ops.len() == 2));
            assert_eq!(ring.add_group(4, 64), Err(Errno::CHILD));
            assert_eq!(ring.descriptor().map(drop), Err(Errno::CHILD));
            assert!(ring.abandon().is_empty(), "the operations are the parent's");
            // SAFETY: the child does not use the ring again, and leaves by `_exit`.
            unsafe { ManuallyDrop::drop(&mut ring) };
        });
        assert_eq!(status, 0, "the child died as it used or dropped the ring");
        for (n, (_, writer)) in pipes.iter().enumerate() {
            rustix::io::write(writer, &[n as u8 + 1; 3]).unwrap();
            let mut outcome = next_outcome(&mut ring);
            assert_eq!(outcome.result, Ok(3), "the child disturbed a read");
            assert_eq!(outcome.op.take_buf()[..3], [n as u8 + 1; 3]);
        }
        drop(ManuallyDrop::into_inner(ring));
        assert!(pipes.iter().all(|(reader, _)| Arc::strong_count(reader) == 1));
    });
}

#[test]
fn a_forked_child_that_uses_and_drops_a_ring_for_reads_gets_errors_and_the_parent_its_bytes() {
    assert_passes(|| {
        let config = RingConfig { entries: 32, ..RingConfig::default() };
        let mut ring = match ReadRing::new(&config) {
            Ok(ring) => ManuallyDrop::new(ring),
            Err(e) => return cutwater_testing::skip!("no io_uring here: {e}"),
        };
        assert!(ring.cut(4096).unwrap() > IN_FLIGHT);
        let pipes: Vec<(ReadTarget, OwnedFd)> = (0..IN_FLIGHT)
            .map(|_| rustix::pipe::pipe().unwrap())
            .map(|(reader, writer)| (ReadTarget::Fd(Arc::new(reader)), writer))
            .collect();
        for (slot, (target, _)) in pipes.iter().enumerate() {
            ring.push(slot as u32, 0, 8, target, 0, false).unwrap();
        }
        ring.submit_and_wait(0).unwrap();
        let status = forked(|| {
            assert!(ring.is_inherited());
            let last = IN_FLIGHT as u32;
            assert_eq!(ring.push(last, 0, 8, &pipes[0].0, 0, false), Err(PushError::Inherited));
            assert_eq!(ring.submit_and_wait(1), Err(Errno::CHILD));
            assert_eq!(ring.reap(&mut Vec::new()), 0);
            assert_eq!((ring.cut(4096), ring.quiesce()), (Err(Errno::CHILD), Err(Errno::CHILD)));
            // SAFETY: the child does not use the ring again, and leaves by `_exit`.
            unsafe { ManuallyDrop::drop(&mut ring) };
            let mut own = ReadRing::new(&config).unwrap();
            assert!(!own.is_inherited());
            own.cut(4096).unwrap();
            own.quiesce().unwrap();
        });
        assert_eq!(status, 0, "the child died");
        assert!(!ring.is_inherited());
        let mut done = Vec::new();
        for (n, (_, writer)) in pipes.iter().enumerate() {
            rustix::io::write(writer, &[n as u8 + 1; 3]).unwrap();
            done.clear();
            while ring.reap(&mut done) == 0 {
                ring.submit_and_wait(1).unwrap();
            }
            assert_eq!(
                (done[0].slot, done[0].result),
                (n as u32, Ok(3)),
                "the child disturbed a read"
            );
            assert_eq!(ring.bytes(n as u32).unwrap()[..3], [n as u8 + 1; 3]);
        }
        drop(ManuallyDrop::into_inner(ring));
    });
}
