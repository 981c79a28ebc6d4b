//! Reads on the host's own ring, where it has one.

use std::io::Write;

use super::*;

fn ring_or_skip(config: &RingConfig) -> Option<ReadRing> {
    match ReadRing::new(config) {
        Ok(ring) => Some(ring),
        Err(e) => {
            cutwater_testing::skip!("no io_uring here: {e}");
            None
        }
    }
}

fn file(bytes: &[u8]) -> Arc<OwnedFd> {
    let mut f = tempfile::tempfile().unwrap();
    f.write_all(bytes).unwrap();
    Arc::new(f.into())
}

fn read_all(ring: &mut ReadRing, n: usize) -> Vec<Completion> {
    let mut out = Vec::new();
    while out.len() < n {
        ring.submit_and_wait(1).unwrap();
        ring.reap(&mut out);
    }
    out.sort_by_key(|c| c.slot);
    out
}

#[test]
fn completions_that_are_not_taken_stay() {
    let file = file(&[7; 4096]);
    let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
    ring.cut(4096).unwrap();
    for slot in 0..4 {
        ring.push(slot, 0, 4096, &ReadTarget::Fd(Arc::clone(&file)), 0, false).unwrap();
    }
    ring.submit_and_wait(4).unwrap();
    let mut out = Vec::new();
    assert_eq!((ring.reap_some(&mut out, 1), ring.in_flight()), (1, 3));
    assert_eq!((ring.reap_some(&mut out, 2), ring.in_flight()), (2, 1));
    assert_eq!((ring.reap_some(&mut out, 2), out.len()), (1, 4));
}

#[test]
fn there_is_room_for_the_completion_of_every_slot() {
    for entries in [1, 32, 128] {
        let config = RingConfig { entries, ..RingConfig::default() };
        let Some(mut ring) = ring_or_skip(&config) else { return };
        let slots = ring.cut(1).unwrap();
        assert!(slots <= ring.core.params().cq_entries() as usize, "{slots} slots");
    }
}

#[test]
fn reads_land_in_their_slots() {
    let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
    let fd = file(b"0123456789");
    assert!(ring.cut(100).unwrap() >= 64);
    for (fixed, place) in [(false, false), (true, false), (false, true), (true, true)] {
        if fixed {
            ring.register_arena();
        }
        let target = match place {
            true => ReadTarget::Kept(ring.keep_file(&fd).unwrap()),
            false => ReadTarget::Fd(fd.clone()),
        };
        ring.push(0, 0, 4, &target, 2, fixed).unwrap();
        ring.push(3, 1, 50, &target, 7, fixed).unwrap();
        let done = read_all(&mut ring, 2);
        assert_eq!(done[0], Completion { slot: 0, result: Ok(4) });
        assert_eq!(done[1], Completion { slot: 3, result: Ok(3) });
        assert_eq!(&ring.bytes(0).unwrap()[..4], b"2345");
        assert_eq!(&ring.bytes(3).unwrap()[1..4], b"789");
    }
    ring.release_file(0).unwrap();
    assert_eq!(ring.release_file(0), Err(Errno::INVAL));
}

#[test]
fn a_slot_in_flight_is_neither_lent_nor_reused() {
    let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let target = ReadTarget::Fd(Arc::new(reader));
    ring.cut(4096).unwrap();
    // A read of an empty pipe stays in flight until we write.
    ring.push(5, 0, 1, &target, 0, false).unwrap();
    assert_eq!(ring.push(5, 0, 1, &target, 0, false), Err(PushError::Invalid));
    assert!(ring.bytes(5).is_none());
    assert_eq!((ring.cut(4096), ring.in_flight()), (Err(Errno::BUSY), 1));
    ring.submit_and_wait(0).unwrap();
    rustix::io::write(&writer, b"x").unwrap();
    assert_eq!(read_all(&mut ring, 1), [Completion { slot: 5, result: Ok(1) }]);
    assert_eq!(ring.bytes(5).unwrap()[0], b'x');
}

#[test]
fn bounds_are_checked_before_the_kernel_is_asked() {
    let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
    let target = ReadTarget::Fd(file(b"x"));
    let n = ring.cut(8192).unwrap() as u32;
    for (slot, at, len, offset) in [
        (0, 8192, 1, 0),
        (0, 0, 8193, 0),
        (0, usize::MAX, 2, 0),
        (0, 0, 0, 0),
        (0, 0, 1, OFFSET_MAX + 1),
        (n.max(1024), 0, 1, 0),
        (u32::MAX, 0, 1, 0),
    ] {
        assert_eq!(ring.push(slot, at, len, &target, offset, false), Err(PushError::Invalid));
    }
    assert_eq!(ring.cut(usize::MAX), Err(Errno::INVAL));
    assert_eq!(ring.in_flight(), 0);
}

#[test]
fn quiescing_ends_what_would_wait_for_ever() {
    let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let target = ReadTarget::Fd(Arc::new(reader));
    ring.cut(4096).unwrap();
    // As a kernel before 5.19 has it, too.
    for one_by_one in [false, true] {
        ring.core.one_by_one = one_by_one;
        for slot in 0..8 {
            ring.push(slot, 0, 1, &target, 0, false).unwrap();
        }
        ring.submit_and_wait(0).unwrap();
        ring.quiesce().unwrap();
        assert_eq!(ring.in_flight(), 0);
        assert!(ring.bytes(0).is_some());
    }
}

#[test]
fn a_ring_that_was_dropped_keeps_no_file_open() {
    use rustix::event::{PollFd, PollFlags, poll};
    // More than the rings that a thread can have the kernel keep for it.
    for n in 0..20 {
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        ring.keep_file(&Arc::new(writer)).unwrap();
        drop(ring);
        // The kernel takes a ring down in its own time; one that is leaked never goes.
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        let minute = rustix::event::Timespec { tv_sec: 60, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&minute)), Ok(1), "ring {n} is still there");
        assert!(fds[0].revents().contains(PollFlags::HUP));
    }
}

#[test]
fn a_read_of_4_gib_is_no_read_of_nothing() {
    const SLOT: usize = 4 << 30;
    let config = RingConfig { arena_bytes: SLOT, ..RingConfig::default() };
    let Some(mut ring) = ring_or_skip(&config) else { return };
    assert_eq!(ring.cut(SLOT), Ok(1));
    ring.push(0, 0, SLOT, &ReadTarget::Fd(file(b"0123456789")), 0, false).unwrap();
    assert_eq!(read_all(&mut ring, 1), [Completion { slot: 0, result: Ok(10) }]);
}
