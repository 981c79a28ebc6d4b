//! A ring, and a child made by `fork(2)` while operations are in flight.
//!
//! # Safety
//! The child makes system calls and drops the ring, which takes no lock; it leaves by `_exit(2)`.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)] // a test, which says what it skips

use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{Event, NO_OFFSET, Op, OpRing, Outcome, RingConfig};

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
fn forked(child: impl FnOnce()) -> i32 {
    // SAFETY: the child runs the closure of this test alone, which takes no lock, and `_exit`s.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        child();
        // SAFETY: ends the process without running anything of the parent's.
        unsafe { libc::_exit(0) };
    }
    let mut status = -1;
    // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    status
}

#[test]
fn a_forked_child_that_drops_the_ring_leaves_the_parents_operations_alone() {
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
        let op = Op::Read { file: Arc::clone(reader), buf: vec![0; 8], at: 0, offset: NO_OFFSET };
        ring.push(op).map_err(|(_, e)| e).unwrap();
    }
    ring.submit().unwrap();
    let status = forked(|| {
        // SAFETY: the child does not use the ring again, and leaves by `_exit`.
        unsafe { ManuallyDrop::drop(&mut ring) };
    });
    assert_eq!(status, 0, "the child died as it dropped the ring");
    for (n, (_, writer)) in pipes.iter().enumerate() {
        rustix::io::write(writer, &[n as u8 + 1; 3]).unwrap();
        let mut outcome = next_outcome(&mut ring);
        assert_eq!(outcome.result, Ok(3), "the child disturbed a read");
        assert_eq!(outcome.op.take_buf()[..3], [n as u8 + 1; 3]);
    }
    drop(ManuallyDrop::into_inner(ring));
    assert!(pipes.iter().all(|(reader, _)| Arc::strong_count(reader) == 1));
}
