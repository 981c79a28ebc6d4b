//! A kernel that refuses to enter the ring for a while.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{NO_OFFSET, Op};
use cutwater_testing::Dice;
use rustix::io::Errno;

use crate::driver::{Backend, Path, STRANDED};
use crate::executor::{Runtime, counters, spawn, yield_now};
use crate::fs::File;
use crate::net::UnixStream;
use crate::operation::{operation, operations};
use crate::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(60);

fn runtime(entries: u32) -> Option<Runtime> {
    let options = Runtime::options().backend(Backend::Ring).ring_entries(entries);
    options.build().inspect_err(|e| cutwater_testing::skip!("no ring: {e}")).ok()
}

fn refuse(runtime: &Runtime, times: u64, errno: Errno) {
    runtime.core.driver.borrow_mut().refuse_enters(times, errno);
}

async fn nothing_in_flight() {
    let ended = async {
        while counters().in_flight > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, ended).await.expect("an operation is left");
}

fn pipe() -> (Arc<OwnedFd>, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    (Arc::new(reader), writer)
}

/// A multishot operation does not end by itself, so its cancellation is asked for until the ring takes it.
#[test]
fn a_cancellation_that_is_refused_is_asked_for_again() {
    let Some(runtime) = runtime(2) else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let socket: Arc<OwnedFd> = Arc::new(listener.into());
    runtime.block_on(async {
        let mut many = operations(Op::AcceptMany { socket: Arc::clone(&socket) });
        let waiting = spawn(async move { drop(many.next().await) });
        yield_now().await;
        yield_now().await;
        // The queue of two is full, and the kernel takes nothing.
        refuse(&runtime, 4, Errno::BUSY);
        let full: Vec<_> = (0..2).map(|_| spawn(operation(Op::Nop))).collect();
        yield_now().await;
        waiting.abort();
        for nop in full {
            timeout(LONG, nop).await.expect("it ends").expect("no panic");
        }
        nothing_in_flight().await;
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&socket), 1);
}

#[test]
fn refusals_that_pass_lose_nothing() {
    let Some(runtime) = runtime(4) else { return };
    let (reader, writer) = pipe();
    runtime.block_on(async {
        let buf = vec![0; 4];
        let read = Op::Read { file: Arc::clone(&reader), buf, at: 0, offset: NO_OFFSET };
        let read = spawn(operation(read));
        yield_now().await;
        for errno in [Errno::AGAIN, Errno::BUSY, Errno::NOMEM, Errno::AGAIN] {
            refuse(&runtime, 20, errno);
            let nops: Vec<_> = (0..20).map(|_| spawn(operation(Op::Nop))).collect();
            for nop in nops {
                let outcome = timeout(LONG, nop).await.expect("it ends").expect("no panic");
                assert_eq!(outcome.result, Ok(0));
            }
        }
        rustix::io::write(&writer, b"abc").expect("writes");
        let outcome = timeout(LONG, read).await.expect("it ends").expect("no panic");
        assert_eq!(outcome.result, Ok(3));
        nothing_in_flight().await;
    });
    assert!(runtime.has_ring());
}

#[test]
fn a_shortage_that_does_not_pass_is_a_refusal_for_good() {
    let Some(runtime) = runtime(4) else { return };
    let (ready, writer) = pipe();
    runtime.block_on(async {
        let poll = Op::Poll { file: ready, events: rustix::event::PollFlags::IN };
        let poll = spawn(operation(poll));
        yield_now().await;
        yield_now().await;
        refuse(&runtime, u64::MAX, Errno::AGAIN);
        rustix::io::write(&writer, b"abc").expect("writes");
        let outcome = timeout(LONG, poll).await.expect("it ends").expect("no panic");
        assert!(outcome.result.is_ok(), "{outcome:?}");
        nothing_in_flight().await;
    });
    assert_eq!((runtime.has_ring(), runtime.path().0), (false, Path::Cold));
}

/// Sends pieces through a socket, and writes and reads a file meanwhile. Each byte is right, or an
/// operation ends with an unknown outcome.
async fn pieces(mut dice: Dice, file: Rc<File>, number: u64) -> io::Result<()> {
    let (sender, receiver) = UnixStream::pair()?;
    let count = 1 + dice.below(20) as usize;
    let bytes = move |n: usize| -> Vec<u8> { (0..n).map(|at| (at * 7 + n) as u8).collect() };
    let heard = spawn(async move {
        let (mut all, mut received) = (Vec::new(), receiver.received());
        while let Some(piece) = received.next().await? {
            all.extend_from_slice(&piece);
        }
        io::Result::Ok(all)
    });
    let (mut sent, mut ended) = (Vec::new(), Ok(()));
    for _ in 0..count {
        let piece = bytes(1 + dice.below(3000) as usize);
        sent.extend_from_slice(&piece);
        ended = sender.send_all(piece).await.0;
        if ended.is_err() {
            break;
        }
        let at = number * 4096;
        file.write_all_at(bytes(100), at).await.0?;
        let (read, back) = file.read_exact_at(vec![0; 100], at).await;
        read?;
        assert_eq!(back, bytes(100));
        let mut dropped = Box::pin(file.sync_data());
        let _ = timeout(Duration::from_micros(dice.below(30)), dropped.as_mut()).await;
    }
    drop(sender);
    let heard = heard.await.map_err(io::Error::other)??;
    // A send that nobody knows the end of may have been done.
    assert!(sent.starts_with(&heard) && (heard == sent || ended.is_err()), "wrong bytes");
    ended
}

/// The kernel refuses enters at any moment, for a while or for good.
async fn history(runtime: &Runtime, seed: u64) {
    let mut dice = Dice::new(seed);
    let file = Rc::new(File::from_fd(tempfile::tempfile().expect("a file").into()));
    let mut tasks = Vec::new();
    for number in 0..1 + dice.below(6) {
        tasks.push(spawn(pieces(Dice::new(dice.roll()), Rc::clone(&file), number)));
    }
    let for_good = dice.below(2) == 0;
    for _ in 0..dice.below(30) {
        let passing = [Errno::AGAIN, Errno::BUSY, Errno::NOMEM];
        refuse(runtime, 1 + dice.below(4), passing[dice.below(3) as usize]);
        for _ in 0..dice.below(20) {
            yield_now().await;
        }
    }
    if for_good {
        refuse(runtime, u64::MAX, Errno::PERM);
    }
    for task in tasks {
        let ended = timeout(LONG, task).await.expect("it hangs").expect("no panic");
        if let Err(e) = ended {
            let stranded = e.raw_os_error() == Some(STRANDED.raw_os_error());
            assert!(for_good && stranded, "{e}");
        }
    }
    nothing_in_flight().await;
    assert_eq!(Rc::strong_count(&file), 1);
}

#[test]
fn refusals_at_any_moment_lose_nothing_in_silence() {
    let runs = std::env::var("CUTWATER_SIMULATIONS").ok().and_then(|n| n.parse().ok());
    for seed in 1..=runs.unwrap_or(100) {
        let entries = [1, 2, 8, 256][seed as usize % 4];
        let Some(runtime) = runtime(entries) else { return };
        let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(history(&runtime, seed))));
        assert!(done.is_ok(), "seed {seed}");
    }
}
