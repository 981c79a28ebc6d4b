//! A kernel that refuses the ring after the start, as after a program has dropped its privileges
//! (`seccomp(2)`): everything in flight ends, and everything after it works without the ring.

use std::future::Future;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cutwater_rt::fs::{self, File};
use cutwater_rt::net::{TcpListener, TcpStream, UdpSocket};
use cutwater_rt::op::{Errno, NO_OFFSET, Op};
use cutwater_rt::time::timeout;
use cutwater_rt::{
    Backend, Path, Runtime, STRANDED, linked, operation, operations, spawn, spawn_on, yield_now,
};
use cutwater_sys::seccomp::{self, Refusal, SysCall};
use cutwater_testing::child::{passed, test_command, test_name};

use crate::support::{LONG, tcp_pair};

const CASE: &str = "CUTWATER_TEST_CASE";

/// Runs `test` in a process of its own, once for each error; it gets what refuses the ring from then on.
fn for_each_error(me: &str, test: impl Fn(&dyn Fn())) {
    for how in ["ENOSYS", "EPERM", "ENOMEM"] {
        match std::env::var(CASE) {
            Ok(given) if given == how => test(&|| {
                let how: Refusal = how.parse().expect("a known error");
                seccomp::refuse(&[SysCall::IoUringEnter], how).expect("a process may");
            }),
            Ok(_) => {}
            Err(_) => {
                let output = test_command(&test_name(module_path!(), me))
                    .and_then(|mut test| test.env(CASE, how).output());
                passed(how, &output.expect("this test is a program"));
            }
        }
    }
}

fn ring(cores: usize) -> Option<Runtime> {
    let built = Runtime::options().backend(Backend::Ring).cores(cores).build();
    built.inspect_err(|e| cutwater_testing::skip!("no ring: {e}")).ok()
}

/// Ends within a time in which it would hang before.
async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.unwrap_or_else(|_| panic!("{what} never ends"))
}

/// Polls it once, so that it is queued.
fn begin(future: &mut (impl Future + Unpin)) {
    let begun = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(begun.is_pending());
}

fn pipe() -> (Arc<OwnedFd>, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    (Arc::new(reader), writer)
}

#[test]
fn what_is_in_flight_ends_and_the_rest_goes_on() {
    for_each_error("what_is_in_flight_ends_and_the_rest_goes_on", |refuse| {
        let Some(runtime) = ring(1) else { return };
        runtime.block_on(async {
            let (reader, _writer) = pipe();
            let read =
                Op::Read { file: Arc::clone(&reader), buf: vec![0; 4], at: 0, offset: NO_OFFSET };
            let pipe_read = spawn(operation(read));
            let (client, server) = tcp_pair().await;
            let received = spawn(async move { server.recv(vec![0; 9]).await });
            let (talker, hearer) = tcp_pair().await;
            let mut pieces = hearer.received();
            let heard = spawn(async move {
                let mut all = Vec::new();
                while let Some(piece) = pieces.next().await? {
                    all.extend_from_slice(&piece);
                }
                io::Result::Ok(all)
            });
            talker.send_all(b"before, ".to_vec()).await.0.expect("sends");
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let address = listener.local_addr().expect("it has one");
            let accepted = spawn(async move { listener.incoming().next().await });
            let datagrams = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let to = datagrams.local_addr().expect("it has one");
            let datagram = spawn(async move { datagrams.recv_from(vec![0; 9]).await });
            let (ready, _writer2) = pipe();
            let poll = Op::Poll { file: ready, events: cutwater_rt::op::PollFlags::IN };
            let dropped = spawn(operation(poll));
            for _ in 0..10 {
                yield_now().await;
            }
            refuse();
            dropped.abort();
            // The kernel may have read from the pipe, and nobody can know.
            let outcome = ends("a read of a pipe", pipe_read).await.expect("no panic");
            assert_eq!(outcome.result, Err(STRANDED));
            client.send_all(b"hello".to_vec()).await.0.expect("sends");
            let (received, buf) = ends("a receive", received).await.expect("no panic");
            match received {
                Ok(n) => assert_eq!(&buf[..n], b"hello"),
                Err(e) => assert_eq!(e.raw_os_error(), Some(STRANDED.raw_os_error())),
            }
            talker.send_all(b"after".to_vec()).await.0.expect("sends");
            drop(talker);
            match ends("receiving", heard).await.expect("no panic") {
                Ok(all) => assert_eq!(all, b"before, after"),
                Err(e) => assert_eq!(e.raw_os_error(), Some(STRANDED.raw_os_error())),
            }
            let _client = TcpStream::connect(address, LONG).await.expect("connects");
            ends("accepting", accepted).await.expect("no panic").expect("accepts");
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
            socket.send_to(b"one", to).expect("sends");
            let (datagram, _) = ends("a datagram", datagram).await.expect("no panic");
            assert_eq!(datagram.expect("receives").0, 3);
        });
        assert_eq!((runtime.has_ring(), runtime.path().0), (false, Path::Cold));
        assert!(runtime.refused().is_some());
        assert_eq!(runtime.counters().in_flight, 0);
    });
}

#[test]
fn what_the_kernel_never_saw_is_done_once() {
    for_each_error("what_the_kernel_never_saw_is_done_once", |refuse| {
        let Some(runtime) = ring(1) else { return };
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        runtime.block_on(async {
            let file = File::options().append(true).create(true).open(&path).await.expect("opens");
            fs::create_dir(dir.path().join("d")).await.expect("makes");
            // Queued in this turn, and so not given to the kernel yet.
            let mut append = Box::pin(file.append(b"once".to_vec()));
            let mut removed = Box::pin(fs::remove_dir(dir.path().join("d")));
            let mut chain = Box::pin(linked(vec![Op::Nop, Op::Nop]));
            begin(&mut append);
            begin(&mut removed);
            begin(&mut chain);
            refuse();
            ends("an append", append).await.0.expect("appends");
            ends("a removal", removed).await.expect("removes");
            let chain = ends("a chain", chain).await;
            assert!(chain.iter().all(|o| o.result == Err(Errno::CANCELED)), "{chain:?}");
            assert_eq!(fs::read(&path).await.expect("reads"), b"once");
        });
    });
}

#[test]
fn other_cores_still_wake_a_core_without_its_ring() {
    for_each_error("other_cores_still_wake_a_core_without_its_ring", |refuse| {
        let Some(runtime) = ring(2) else { return };
        runtime.block_on(async {
            let first = spawn_on(1, || async { 1 }).expect("it is there");
            assert_eq!(ends("a task", first).await, Ok(1));
            refuse();
            for n in 0..100 {
                let doubled = spawn_on(1, move || async move { n * 2 }).expect("it is there");
                assert_eq!(ends("a task of the other core", doubled).await, Ok(n * 2));
            }
        });
        drop(runtime);
    });
}

/// A multishot operation never ends by itself: the first cancellation finds no room, as the kernel takes
/// nothing for a while.
#[test]
fn a_runtime_whose_kernel_refuses_it_can_be_dropped() {
    for_each_error("a_runtime_whose_kernel_refuses_it_can_be_dropped", |refuse| {
        let Some(runtime) = ring(1) else { return };
        let (reader, writer) = pipe();
        runtime.block_on(async {
            let read = Op::Read { file: reader, buf: vec![0; 4], at: 0, offset: NO_OFFSET };
            drop(spawn(operation(read)));
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
            let many = Op::AcceptMany { socket: Arc::new(listener.into()) };
            let mut many = operations(many);
            let first = std::future::poll_fn(|cx| Poll::Ready(many.poll_next(cx).is_pending()));
            assert!(first.await);
            drop(spawn(async move { many.next().await }));
            yield_now().await;
            yield_now().await;
            refuse();
        });
        drop(runtime);
        // The kernel may still have the read, so its buffer and its pipe are leaked.
        let written = std::fs::File::from(writer).write(b"x");
        assert_eq!(written.map_err(|e| e.kind()), Ok(1));
    });
}
