//! Blocking closures that wait for tasks, with fewer threads than closures: what the tasks wait for must not
//! need one of those threads.

use std::future::Future;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, mpsc};

use cutwater_rt::bridge::Bridge;
use cutwater_rt::fs::{self, File};
use cutwater_rt::op::{Errno, NO_OFFSET, Op};
use cutwater_rt::time::timeout;
use cutwater_rt::{
    Aborted, Backend, Runtime, linked, operation, spawn, spawn_blocking, spawn_on, yield_now,
};

use crate::support::{LONG, nothing_in_flight};

/// Threads of each pool, and closures that wait at the same time.
const THREADS: usize = 4;

/// What a task does while a closure waits for it.
type Work = fn(std::path::PathBuf) -> Pin<Box<dyn Future<Output = ()>>>;

async fn reads(path: std::path::PathBuf) {
    let file = File::open(&path).await.expect("opens");
    file.read_exact_at(vec![0; 4], 0).await.0.expect("reads");
}

async fn lists(path: std::path::PathBuf) {
    let dir = path.parent().expect("it is in one");
    assert!(!fs::read_dir(dir).await.expect("lists").is_empty());
    assert_eq!(fs::metadata(&path).await.expect("there is some").len(), 4);
    let (from, to) = (File::open(&path).await, File::create(dir.join("copy")).await);
    assert_eq!(from.expect("opens").copy_to(&to.expect("makes"), 4).await.expect("copies"), 4);
}

/// Each closure waits for a task that does `work`, on core `number`.
async fn closures_wait(number: usize, path: &std::path::Path, work: Work) {
    let calls: Vec<_> = (0..THREADS)
        .map(|_| {
            let (sender, receiver) = mpsc::channel();
            let call = spawn_blocking(move || receiver.recv());
            let path = path.to_path_buf();
            let task = spawn_on(number, move || async move {
                // All closures have begun to wait by then, or wait for a thread.
                yield_now().await;
                work(path).await;
                sender.send(())
            });
            (call, task.expect("there is such a core"))
        })
        .collect();
    for (call, task) in calls {
        let ended = timeout(LONG, call).await.expect("it does not wait for ever");
        assert_eq!(ended, Ok(Ok(())));
        task.await.expect("it ends").expect("it was waited for");
    }
}

/// The runtime, unless the host has no such backend.
fn there(backend: Backend, built: std::io::Result<Runtime>) -> Option<Runtime> {
    built.inspect_err(|e| cutwater_testing::skip!("{backend:?}: {e}")).ok()
}

fn everywhere(test: impl AsyncFn(usize, std::path::PathBuf)) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x");
    std::fs::write(&path, "text").expect("writes");
    for backend in [Backend::Pool, Backend::Ring, Backend::Fake(1)] {
        for cores in [1, 2] {
            let options = Runtime::options().backend(backend).cores(cores);
            let built = options.pool_threads(THREADS).blocking_threads(THREADS).build();
            let Some(runtime) = there(backend, built) else { continue };
            runtime.block_on(test(cores - 1, path.clone()));
        }
    }
}

#[test]
fn closures_may_wait_for_tasks_that_read_files() {
    everywhere(async |core, path| closures_wait(core, &path, |path| Box::pin(reads(path))).await);
}

#[test]
fn closures_may_wait_for_tasks_whose_calls_the_ring_lacks() {
    everywhere(async |core, path| closures_wait(core, &path, |path| Box::pin(lists(path))).await);
}

#[test]
fn closures_may_wait_for_tasks_that_wait_for_closures() {
    for backend in [Backend::Pool, Backend::Ring] {
        let built = Runtime::options().backend(backend).pool_threads(THREADS).build();
        let Some(runtime) = there(backend, built) else { continue };
        runtime.block_on(async {
            let nested = |_| -> Pin<Box<dyn Future<Output = ()>>> {
                Box::pin(async { spawn_blocking(|| ()).await.expect("it ends") })
            };
            closures_wait(0, std::path::Path::new("/"), nested).await;
        });
    }
}

/// A read of a pipe lasts as long as its writer likes: it must not have a thread.
#[test]
fn reads_of_pipes_do_not_keep_files_waiting() {
    for backend in [Backend::Pool, Backend::Ring] {
        let built = Runtime::options().backend(backend).pool_threads(1).build();
        let Some(runtime) = there(backend, built) else { continue };
        runtime.block_on(async {
            let pipes: Vec<_> = (0..3).map(|_| rustix::pipe::pipe().expect("a pipe")).collect();
            let mut reads = Vec::new();
            let mut writers = Vec::new();
            for (reader, writer) in pipes {
                let file = Arc::new(reader);
                let read = Op::Read { file, buf: vec![0; 8], at: 2, offset: NO_OFFSET };
                reads.push(spawn(operation(read)));
                writers.push(writer);
            }
            yield_now().await;
            let hosts = timeout(LONG, fs::read("/proc/self/stat")).await;
            assert!(!hosts.expect("no pipe keeps it waiting").expect("reads").is_empty());
            for (read, writer) in reads.into_iter().zip(writers) {
                let file = Arc::new(writer);
                let write = Op::Write { file, buf: b"xhello".to_vec(), at: 1, offset: NO_OFFSET };
                assert_eq!(operation(write).await.result, Ok(5));
                let mut outcome = read.await.expect("it ends");
                assert_eq!(outcome.result, Ok(5), "{backend:?}");
                assert_eq!(outcome.op.take_buf(), b"\0\0hello\0");
            }
        });
    }
}

/// The same of a chain that begins with a receive.
#[test]
fn chains_that_wait_for_a_peer_do_not_keep_files_waiting() {
    for backend in [Backend::Pool, Backend::Ring] {
        let built = Runtime::options().backend(backend).pool_threads(1).build();
        let Some(runtime) = there(backend, built) else { continue };
        runtime.block_on(async {
            let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
            let (reader, writer) = (Arc::new(reader), Arc::new(writer));
            let read = |buf| {
                let file = Arc::clone(&reader);
                Op::Read { file, buf, at: 0, offset: NO_OFFSET }
            };
            let chain = spawn(linked(vec![read(vec![0; 3]), Op::Nop, read(vec![0; 3]), Op::Nop]));
            let dropped = timeout(
                std::time::Duration::from_millis(1),
                linked(vec![Op::Nop, read(vec![0; 1])]),
            );
            assert!(dropped.await.is_err());
            yield_now().await;
            timeout(LONG, fs::metadata("/")).await.expect("in time").expect("there is some");
            for bytes in [b"abc".as_slice(), b"d"] {
                let (file, buf) = (Arc::clone(&writer), bytes.to_vec());
                let write = Op::Write { file, buf, at: 0, offset: NO_OFFSET };
                assert_eq!(operation(write).await.result, Ok(bytes.len() as u32));
                timeout(LONG, fs::metadata("/")).await.expect("in time").expect("there is some");
            }
            let outcomes = timeout(LONG, chain).await.expect("in time").expect("no panic");
            let results: Vec<_> = outcomes.iter().map(|o| o.result).collect();
            // A short read ends the chain.
            assert_eq!(results, [Ok(3), Ok(0), Ok(1), Err(Errno::CANCELED)], "{backend:?}");
            nothing_in_flight().await;
        });
    }
}

/// More than a pipe holds, to a reader that comes late.
#[test]
fn a_write_to_a_full_pipe_waits_without_a_thread() {
    for backend in [Backend::Pool, Backend::Ring] {
        let built = Runtime::options().backend(backend).pool_threads(1).build();
        let Some(runtime) = there(backend, built) else { continue };
        let (reader, writer): (OwnedFd, OwnedFd) = rustix::pipe::pipe().expect("a pipe");
        rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("sets it");
        std::fs::File::from(writer.as_fd().try_clone_to_owned().expect("a second"))
            .write_all(&[1; 4096])
            .expect("fills it");
        runtime.block_on(async {
            let file = Arc::new(writer);
            let write = Op::Write { file, buf: vec![2; 1000], at: 0, offset: NO_OFFSET };
            let write = spawn(operation(write));
            yield_now().await;
            let other = timeout(LONG, fs::metadata("/")).await;
            other.expect("the write does not keep it waiting").expect("there is some");
            let (mut read, file) = (0, Arc::new(reader));
            while read < 5096 {
                let (file, buf) = (Arc::clone(&file), vec![0; 5096]);
                let op = Op::Read { file, buf, at: 0, offset: NO_OFFSET };
                let ended = timeout(LONG, operation(op)).await.expect("the write goes on");
                read += ended.result.expect("reads");
            }
            assert_eq!(write.await.expect("it ends").result, Ok(1000), "{backend:?}");
        });
    }
}

#[test]
fn closures_may_wait_for_a_bridge() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x");
    std::fs::write(&path, "text").expect("writes");
    let options = Runtime::options().backend(Backend::Pool).pool_threads(1).blocking_threads(1);
    let runtime = options.build().expect("it starts");
    let bridge = Bridge::options().backend(Backend::Pool).start().expect("it starts");
    runtime.block_on(async {
        let (sender, receiver) = mpsc::channel();
        let call = spawn_blocking(move || receiver.recv());
        spawn(async move {
            let file = bridge.open(&path).await.expect("opens");
            sender.send(file.read_at(vec![0; 9], 0).await.0.expect("reads"))
        });
        assert_eq!(timeout(LONG, call).await.expect("in time"), Ok(Ok(4)));
    });
}

/// A closure that panics leaves its thread to the next one.
#[test]
fn a_panic_does_not_cost_a_thread() {
    let options = Runtime::options().backend(Backend::Pool).pool_threads(1).blocking_threads(1);
    options.build().expect("it starts").block_on(async {
        for _ in 0..3 {
            let panics = spawn_blocking(|| std::panic::resume_unwind(Box::new("on purpose")));
            let ended: Result<(), Aborted> = timeout(LONG, panics).await.expect("in time");
            assert_eq!(ended, Err(Aborted));
        }
        assert_eq!(timeout(LONG, spawn_blocking(|| 7)).await, Ok(Ok(7)));
    });
}
