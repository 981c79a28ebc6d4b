//! Operations on the host's own ring, where it has one.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::*;

fn ring_or_skip() -> Option<OpRing> {
    OpRing::new(&RingConfig { entries: 8, ..RingConfig::default() })
        .inspect_err(|e| cutwater_testing::skip!("no io_uring here: {e}"))
        .ok()
}

fn file(bytes: &[u8]) -> Arc<OwnedFd> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file.into())
}

fn all(ring: &mut OpRing) -> Vec<(OpKey, Outcome)> {
    let mut out = Vec::new();
    while ring.in_flight() > 0 {
        ring.submit_and_wait(None).unwrap();
        ring.reap(|key, event| {
            if let Event::End(outcome) = event {
                out.push((key, outcome));
            }
        });
    }
    out
}

#[test]
fn buffers_come_back_with_what_was_read() {
    let Some(mut ring) = ring_or_skip() else { return };
    let file = file(b"0123456789");
    // More than the queue holds.
    for offset in 0..20 {
        let op = Op::Read { file: Arc::clone(&file), buf: vec![b'-'; 5], at: 1, offset };
        ring.push(op).map_err(|(_, e)| e).unwrap();
    }
    let done = all(&mut ring);
    assert_eq!(done.len(), 20);
    for (_, mut outcome) in done {
        let Op::Read { offset, .. } = outcome.op else { panic!("another operation") };
        let n = 10usize.saturating_sub(offset as usize).min(4);
        assert_eq!(outcome.result, Ok(n as u32));
        let buf = outcome.op.take_buf();
        assert_eq!(&buf[1..=n], &b"0123456789"[(offset as usize).min(10)..][..n]);
        assert_eq!(buf[0], b'-');
    }
}

#[test]
fn a_place_outside_of_the_buffer_is_refused() {
    let Some(mut ring) = ring_or_skip() else { return };
    let op = Op::Read { file: file(b"x"), buf: vec![0; 5], at: 6, offset: 0 };
    assert!(matches!(ring.push(op), Err((Op::Read { .. }, Errno::INVAL))));
    assert_eq!(ring.in_flight(), 0);
}

#[test]
fn what_is_cancelled_ends_and_what_is_dropped_with_the_ring_too() {
    let Some(mut ring) = ring_or_skip() else { return };
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let reader = Arc::new(reader);
    let read = || Op::Read { file: Arc::clone(&reader), buf: vec![0; 5], at: 0, offset: 0 };
    let key = ring.push(read()).map_err(|(_, e)| e).unwrap();
    ring.submit().unwrap();
    ring.cancel(key).unwrap();
    assert_eq!(all(&mut ring)[0].1.result, Err(Errno::CANCELED));
    // As a kernel before 5.19 has it, too; more than the queue holds.
    for one_by_one in [false, true] {
        let Some(mut ring) = ring_or_skip() else { return };
        ring.core.one_by_one = one_by_one;
        for _ in 0..20 {
            ring.push(read()).map_err(|(_, e)| e).unwrap();
        }
        ring.submit().unwrap();
        drop(ring);
        assert_eq!(Arc::strong_count(&reader), 1, "the ring let go of everything");
    }
}

#[test]
fn a_descriptor_that_nobody_takes_is_closed() {
    let Some(mut ring) = ring_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = std::ffi::CString::new(dir.path().join("x").into_os_string().into_encoded_bytes());
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let (mode, resolve) = (rustix::fs::Mode::RUSR, rustix::fs::ResolveFlags::empty());
    let op = Op::Open { dir: None, path: path.unwrap(), flags, mode, resolve };
    ring.push(op).map_err(|(_, e)| e).unwrap();
    let mut done = all(&mut ring);
    let raw = done[0].1.fd.as_ref().unwrap().as_raw_fd();
    let link = format!("/proc/self/fd/{raw}");
    assert!(std::fs::read_link(&link).unwrap().ends_with("x"));
    done.clear();
    assert!(!std::fs::read_link(&link).is_ok_and(|to| to.ends_with("x")));
}

#[test]
fn a_wait_with_a_timeout_ends() {
    let Some(mut ring) = ring_or_skip() else { return };
    ring.submit_and_wait(Some(Duration::from_millis(1))).unwrap();
    assert_eq!(ring.reap(|_, _| {}), 0);
}

#[test]
fn a_chain_that_is_longer_than_the_queue_comes_back_whole() {
    let Some(mut ring) = ring_or_skip() else { return };
    let chain = |n| (0..n).map(|_| Op::Nop).collect::<Vec<_>>();
    for _ in 0..3 {
        ring.push(Op::Nop).map_err(|(_, e)| e).unwrap();
    }
    let refused = ring.push_linked(chain(9)).unwrap_err();
    assert_eq!((refused.0.len(), refused.1), (9, Errno::INVAL));
    assert_eq!(ring.in_flight(), 3);
    assert_eq!(ring.push_linked(chain(8)).map_err(|(_, e)| e).unwrap().len(), 8);
    assert_eq!(all(&mut ring).len(), 11);
}

#[test]
fn a_ring_that_is_given_up_says_what_becomes_of_each_operation() {
    let Some(mut ring) = ring_or_skip() else { return };
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let (reader, data) = (Arc::new(reader), file(b"0123456789"));
    let read_of = |file: &Arc<OwnedFd>, buf: Vec<u8>| Op::Read {
        file: Arc::clone(file),
        buf,
        at: 2,
        offset: 0,
    };
    let mut push = |op| ring.push(op).map_err(|(_, e)| e).unwrap();
    let held = [
        push(read_of(&reader, vec![1; 6])),
        push(Op::Poll { file: Arc::clone(&reader), events: rustix::event::PollFlags::IN }),
    ];
    ring.submit().unwrap();
    let unseen = ring.push(read_of(&data, vec![1; 6])).map_err(|(_, e)| e).unwrap();
    let chain = ring.push_linked(vec![Op::Nop, Op::Nop]).map_err(|(_, e)| e).unwrap();
    ring.refuse_enters(u64::MAX, Errno::PERM);
    assert_eq!(ring.submit(), Err(Errno::PERM));
    let mut all: Vec<_> = ring.abandon();
    all.sort_by_key(|(key, _)| *key);
    let of = |wanted: OpKey| all.iter().find(|(key, _)| *key == wanted).map(|(_, what)| what);
    // Whether bytes of a pipe were taken is not known.
    assert!(matches!(of(held[0]), Some(Stranded::Unknown(Op::Read { buf, .. })) if buf.is_empty()));
    assert!(matches!(of(held[1]), Some(Stranded::ToDo(Op::Poll { .. }))));
    let whole = [1; 6];
    assert!(matches!(of(unseen), Some(Stranded::ToDo(Op::Read { buf, .. })) if *buf == whole));
    assert!(chain.iter().all(|key| matches!(of(*key), Some(Stranded::NotBegun(Op::Nop)))));
    // It is closed, and each call says so.
    assert!(matches!(ring.push(Op::Nop), Err((Op::Nop, Errno::NOTRECOVERABLE))));
    assert_eq!(ring.submit_and_wait(None), Err(Errno::NOTRECOVERABLE));
    assert_eq!((ring.reap(|_, _| {}), ring.abandon().len()), (0, 0));
}

#[test]
fn a_read_that_the_kernel_has_is_made_again_with_the_start_of_its_buffer() {
    let data = file(b"0123456789");
    let op = Op::Read { file: data, buf: vec![7; 6], at: 2, offset: 3 };
    let same = again(&op, true);
    assert!(
        matches!(same, Some(Op::Read { buf, at: 2, offset: 3, .. }) if buf == [7, 7, 0, 0, 0, 0])
    );
    let write = Op::Write { file: file(b""), buf: vec![7; 6], at: 0, offset: 3 };
    assert!(again(&write, true).is_none());
    let socket = file(b"");
    let recv = Op::Recv { socket, buf: vec![7; 6], at: 0, all: false };
    assert!(again(&recv, true).is_some());
    assert!(again(&recv, false).is_none(), "bytes may be lost");
}

#[test]
fn a_ring_whose_queue_is_full_can_be_dropped() {
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let reader = Arc::new(reader);
    for one_by_one in [false, true] {
        let Some(mut ring) = ring_or_skip() else { return };
        ring.core.one_by_one = one_by_one;
        for _ in 0..ring.entries() {
            let file = Arc::clone(&reader);
            let op = Op::Read { file, buf: vec![0; 5], at: 0, offset: 0 };
            ring.push(op).map_err(|(_, e)| e).unwrap();
        }
        // There is no room for the cancellation, and no read ends by itself.
        drop(ring);
        assert_eq!(Arc::strong_count(&reader), 1, "the ring let go of everything");
    }
}
