//! A runtime and a bridge in a child made by `fork(2)`: each way in is an error, nothing hangs, and the parent's
//! goes on.
//!
//! The children call no more than the runtime does; they leave by `_exit(2)`. A child that hangs is ended by
//! `alarm(2)`, whose signal is its status. `CUTWATER_FORKS` is how many random moments of a simulated history are
//! tried, `CUTWATER_SEED` the first seed.
#![allow(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cutwater_rt::bridge::Bridge;
use cutwater_rt::fs::{self, File};
use cutwater_rt::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use cutwater_rt::op::{NO_OFFSET, Op};
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{
    Aborted, Backend, JoinHandle, Runtime, counters, linked, operation, operations, spawn,
    spawn_blocking, spawn_on, yield_now,
};
use cutwater_sys::Errno;
use cutwater_testing::Dice;

use crate::child::assert_passes;
use crate::forked_ring::forked;

const LONG: Duration = Duration::from_secs(60);

const BACKENDS: [Backend; 3] = [Backend::Ring, Backend::Pool, Backend::Fake(1)];

/// Forks; the child runs `test` and is killed where it hangs.
fn child(what: &str, test: impl FnOnce()) {
    let status = forked(|| {
        // SAFETY: sets a timer of this process.
        unsafe { libc::alarm(60) };
        test();
    });
    assert_eq!(status, 0, "{what}: the child's status");
}

fn is_child<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|e| e.raw_os_error() == Some(Errno::CHILD.raw_os_error()))
}

fn read_of(file: &Arc<OwnedFd>) -> Op {
    Op::Read { file: Arc::clone(file), buf: vec![0; 4], at: 0, offset: NO_OFFSET }
}

fn runtime(backend: Backend, cores: usize) -> Option<Runtime> {
    let built = Runtime::options().backend(backend).cores(cores).build();
    built.inspect_err(|e| cutwater_testing::skip!("{backend:?}: {e}")).ok()
}

/// Uses each operation, in a future of the child.
async fn all_operations(file: &File, stream: &UnixStream) {
    assert!(is_child(File::open("/dev/null").await));
    assert!(is_child(file.read_at(vec![0; 4], 0).await.0));
    assert!(is_child(file.write_at(vec![0; 4], 0).await.0));
    assert!(is_child(file.sync_all().await));
    assert!(is_child(fs::read("/dev/null").await));
    assert!(is_child(fs::metadata("/").await));
    assert!(is_child(fs::read_dir("/").await));
    assert!(is_child(stream.recv(vec![0; 4]).await.0));
    assert!(is_child(stream.send_all(vec![0; 4]).await.0));
    assert!(is_child(stream.received().next().await));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(is_child(listener.accept().await));
    assert!(is_child(listener.incoming().next().await));
    assert!(is_child(TcpStream::connect(listener.local_addr().unwrap(), LONG).await));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(is_child(socket.recv_from(vec![0; 4]).await.0));
    assert!(is_child(socket.packets().next().await));
    let outcome = operation(Op::Nop).await;
    assert_eq!(outcome.result, Err(Errno::CHILD));
    assert_eq!(operation(Op::Nop).within(LONG).await.result, Err(Errno::CHILD));
    let chain = linked(vec![Op::Nop, Op::Nop]).await;
    assert!(chain.len() == 2 && chain.iter().all(|o| o.result == Err(Errno::CHILD)));
    let mut many = operations(Op::Nop);
    assert!(matches!(many.next().await, cutwater_rt::op::Event::End(o) if o.result.is_err()));
    assert_eq!(spawn(async { 1 }).await, Err(Aborted));
    assert_eq!(spawn_blocking(|| 1).await, Err(Aborted));
    assert!(is_child(spawn_on(0, || async { 1 })));
    // Timers need nothing of the parent's.
    sleep(Duration::from_millis(1)).await;
    assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
    yield_now().await;
}

#[test]
fn a_forked_child_gets_an_error_from_each_way_into_its_parents_runtime() {
    assert_passes(|| {
        for (backend, cores) in BACKENDS.into_iter().flat_map(|b| [(b, 1), (b, 2)]) {
            let Some(runtime) = runtime(backend, cores) else { continue };
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            let reader = Arc::new(reader);
            // Something in flight at the fork, and threads that have started.
            let (file, stream, task) = runtime.block_on(async {
                spawn_blocking(|| ()).await.unwrap();
                let file = File::open("/proc/self/exe").await.unwrap();
                let task: JoinHandle<_> = spawn(operation(read_of(&reader)));
                spawn(sleep(Duration::from_secs(1 << 30)));
                yield_now().await;
                (file, UnixStream::pair().unwrap().0, task)
            });
            let cores = runtime.cores();
            let mut runtime = Some(runtime);
            let mut task = Some(task);
            child(&format!("{backend:?}"), || {
                let runtime = runtime.take().unwrap();
                runtime.block_on(all_operations(&file, &stream));
                assert!(is_child(runtime.try_block_on(std::future::pending::<()>())));
                let task = task.take().unwrap();
                assert!(task.is_finished());
                task.abort();
                assert!(matches!(runtime.block_on(task), Err(Aborted)));
                assert!(is_child(cores.spawn_on(0, || async {})));
                assert!(runtime.block_on(cores.counters()).is_empty());
                let _ = (runtime.counters(), runtime.path(), runtime.has_ring());
                drop(runtime);
                // A runtime of its own works.
                let own = Runtime::new().unwrap();
                assert!(!own.block_on(fs::read("/proc/self/stat")).unwrap().is_empty());
            });
            // The parent's goes on.
            let (runtime, task) = (runtime.take().unwrap(), task.take().unwrap());
            runtime.block_on(async {
                if backend != Backend::Fake(1) {
                    rustix::io::write(&writer, b"abc").unwrap();
                    let outcome = timeout(LONG, task).await.unwrap().unwrap();
                    assert_eq!(outcome.result, Ok(3), "{backend:?}");
                }
                assert_eq!(spawn_blocking(|| 2).await, Ok(2));
                fs::read("/proc/self/stat").await.unwrap();
            });
        }
    });
}

/// The child goes on in the middle of what forked.
#[test]
fn a_child_that_is_forked_inside_of_a_runtime_gets_errors_too() {
    assert_passes(|| {
        for backend in BACKENDS {
            let Some(runtime) = runtime(backend, 2) else { continue };
            let (reader, _writer) = rustix::pipe::pipe().unwrap();
            let reader = Arc::new(reader);
            let ended = runtime.try_block_on(async {
                let mut waiting = Box::pin(operation(read_of(&reader)));
                poll_fn(|cx| {
                    let _ = waiting.as_mut().poll(cx);
                    Poll::Ready(())
                })
                .await;
                let other = spawn(std::future::pending::<()>());
                let value = spawn_on(1, || async { 5 }).unwrap();
                let forks = spawn(async move {
                    let status = forked(|| {
                        // SAFETY: sets a timer of this process.
                        unsafe { libc::alarm(60) };
                        // A runtime of its own may be used right here.
                        let own = Runtime::new().unwrap();
                        assert!(own.block_on(fs::metadata("/")).is_ok());
                        drop(own);
                        other.abort();
                    });
                    assert_eq!(status, 0, "{backend:?}");
                    // SAFETY: the child runs the rest of this test and leaves by `_exit`.
                    unsafe { libc::fork() }
                });
                // In the child the task is the parent's, and so is all that was waited for.
                let pid = match forks.await {
                    Ok(pid) => pid,
                    Err(Aborted) => {
                        // SAFETY: sets a timer of this process.
                        unsafe { libc::alarm(60) };
                        let lost = waiting.await.result == Err(Errno::CHILD);
                        let lost = lost && value.await == Err(Aborted);
                        let lost = lost && is_child(File::open("/").await);
                        sleep(Duration::from_millis(1)).await;
                        // SAFETY: ends the process.
                        unsafe { libc::_exit(i32::from(!lost)) };
                    }
                };
                let mut status = -1;
                // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
                unsafe { libc::waitpid(pid, &raw mut status, 0) };
                assert_eq!(status, 0, "{backend:?}: the child's status");
                assert_eq!(value.await, Ok(5));
            });
            ended.unwrap();
        }
    });
}

#[test]
fn a_closure_that_forks_leaves_a_child_that_ends() {
    assert_passes(|| {
        let Some(runtime) = runtime(Backend::Pool, 1) else { return };
        runtime.block_on(async {
            let pid = spawn_blocking(|| {
                // SAFETY: the child returns from the closure; the runtime then ends its thread.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    // SAFETY: sets a timer of this process.
                    unsafe { libc::alarm(60) };
                }
                pid
            });
            let pid = pid.await.unwrap();
            let mut status = -1;
            // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            assert_eq!(status, 0, "the child's status");
        });
    });
}

#[test]
fn a_forked_child_gets_errors_from_a_bridge_and_may_drop_it() {
    assert_passes(|| {
        for backend in BACKENDS {
            let Ok(bridge) = Bridge::options().backend(backend).start() else { continue };
            let own = Runtime::options().backend(Backend::Pool).build().unwrap();
            let file = own.block_on(bridge.open("/proc/self/exe")).unwrap();
            let mut bridge = Some(bridge);
            let mut file = Some(file);
            child(&format!("{backend:?}"), || {
                let (bridge, file) = (bridge.take().unwrap(), file.take().unwrap());
                let own = Runtime::options().backend(Backend::Pool).build().unwrap();
                own.block_on(async {
                    assert!(is_child(bridge.open("/").await));
                    assert!(is_child(bridge.create("/none").await));
                    assert!(is_child(file.read_at(vec![0; 4], 0).await.0));
                    assert!(is_child(file.sync_all().await));
                });
                drop(file);
                drop(bridge);
            });
            let read = own.block_on(file.as_ref().unwrap().read_at(vec![0; 4], 0)).0;
            assert_eq!(read.unwrap(), 4);
        }
    });
}

/// Writes, reads and checks, as often as the simulated kernel fails it.
async fn busy(path: std::path::PathBuf, mut dice: Dice) -> u64 {
    let mut right = 0;
    for _ in 0..20 {
        let Ok(file) = File::create(&path).await else { continue };
        let bytes = dice.bytes(1 + dice.clone().below(9000) as usize);
        if file.write_all_at(bytes.clone(), 0).await.0.is_err() {
            continue;
        }
        sleep(Duration::from_micros(dice.below(200))).await;
        let (read, found) = file.read_exact_at(vec![0; bytes.len()], 0).await;
        if read.is_ok() {
            assert!(found == bytes, "wrong bytes");
            right += 1;
        }
    }
    right
}

/// A fork at a random moment of a history with a simulated kernel, which also fails operations: whatever the
/// child waits for ends with an error, and the parent's history goes on to its end.
#[test]
fn a_fork_at_any_moment_of_a_simulated_history_harms_nobody() {
    assert_passes(|| {
        let number = |name, default| {
            std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        let (first, count) = (number("CUTWATER_SEED", 1), number("CUTWATER_FORKS", 60u64));
        println!("CUTWATER_SEED={first}, {count} forks");
        let mut right = 0;
        for seed in first..first + count {
            right += forks_once(seed);
        }
        println!("{right} right answers after a fork");
        assert!(right > 0, "nothing was answered");
    });
}

fn forks_once(seed: u64) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(seed);
    let backend = Backend::FakeFailing(seed);
    let runtime = Runtime::options().backend(backend).build().unwrap();
    let bridge = Bridge::options().backend(backend).start().unwrap();
    let ended = runtime.try_block_on(async {
        let mut tasks: Vec<_> = (0..4)
            .map(|n| spawn(busy(dir.path().join(format!("{n}")), Dice::new(dice.roll()))))
            .collect();
        let forked_at = dice.below(60);
        for _ in 0..forked_at {
            yield_now().await;
            sleep(Duration::from_micros(dice.below(40))).await;
        }
        let mut over_bridge = Box::pin(bridge.open("/proc/self/exe"));
        poll_fn(|cx| {
            let _ = over_bridge.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
        let had_ended: Vec<_> = tasks.iter().map(JoinHandle::is_finished).collect();
        // SAFETY: the child runs the rest of this future and leaves by `_exit`.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: sets a timer of this process.
            unsafe { libc::alarm(60) };
            let mut is_right = true;
            for (task, had_ended) in tasks.drain(..).zip(had_ended) {
                // One that had ended may have its value.
                let is_lost = task.await == Err(Aborted);
                is_right &= had_ended || is_lost;
            }
            // It ends; its answer may have come before the fork.
            drop(over_bridge.await);
            is_right &= is_child(bridge.open("/").await) && is_child(File::open("/").await);
            sleep(Duration::from_millis(1)).await;
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(!is_right)) };
        }
        let mut status = -1;
        // SAFETY: `status` lives past the call, and the kernel writes one integer to it.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(status, 0, "CUTWATER_SEED={seed}: the child's status");
        let mut right = 0;
        for task in tasks {
            right += task.await.unwrap();
        }
        right
    });
    let right = ended.unwrap_or_else(|e| panic!("CUTWATER_SEED={seed}: {e}"));
    assert_eq!(runtime.block_on(in_flight_ends()), 0, "CUTWATER_SEED={seed}");
    // The parent's bridge goes on, too.
    let own = Runtime::options().backend(Backend::Pool).build().unwrap();
    let opens = || own.block_on(bridge.open("/proc/self/exe")).is_ok();
    assert!((0..100).any(|_| opens()), "CUTWATER_SEED={seed}: the bridge");
    right
}

/// Operations in flight, once those have ended that nobody waits for.
async fn in_flight_ends() -> u64 {
    for _ in 0..100_000 {
        if counters().in_flight == 0 {
            return 0;
        }
        sleep(Duration::from_millis(1)).await;
    }
    counters().in_flight
}
