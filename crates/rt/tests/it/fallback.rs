//! A host that refuses io_uring, or a part of it: the same programs run, and the reason is reported.
//!
//! A filter stays with its process and applies to all of its threads, so each case runs in a process of its
//! own: this test again, by name, with the case in a variable.

use std::io;
use std::process::Command;

use cutwater_rt::bridge::Bridge;
use cutwater_rt::fs::{self, File};
use cutwater_rt::net::{TcpListener, TcpStream, UnixStream};
use cutwater_rt::time::timeout;
use cutwater_rt::{Backend, Path, Runtime, spawn};
use cutwater_sys::seccomp::{self, Refusal, SysCall};
use cutwater_testing::child::{passed, test_command, test_name};

use crate::support::{LONG, runtime};

/// The case that a child process runs.
const CASE: &str = "CUTWATER_TEST_CASE";

const ERRORS: [&str; 3] = ["ENOSYS", "EPERM", "ENOMEM"];

/// Runs `test` in a process to which the kernel refuses `calls` with the error `how`. `me` is the test that
/// calls this.
fn refused(me: &str, calls: &str, how: &str, test: impl FnOnce()) {
    let case = format!("{calls} {how}");
    match std::env::var(CASE) {
        Ok(given) if given == case => {}
        Ok(_) => return,
        Err(_) => {
            let output = test_command(&test_name(module_path!(), me))
                .and_then(|mut test| test.env(CASE, &case).output());
            passed(&case, &output.expect("this test is a program"));
            return;
        }
    }
    let named = SysCall::NAMES.iter().find(|(name, _)| *name == calls).expect("a known call");
    let how: Refusal = how.parse().expect("a known error");
    seccomp::refuse(named.1, how).expect("a process may refuse calls to itself");
    test();
}

/// A program that uses files and sockets, on whatever the runtime has.
async fn files_and_sockets(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let file = File::create(path).await?;
    file.write_all_at(vec![7; 100_000], 0).await.0?;
    file.write_all_synced(vec![8; 10], 100_000).await.0?;
    file.sync_all().await?;
    let bytes = fs::read(path).await?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?;
    let served = spawn(async move {
        for one_by_one in [true, false] {
            let stream = if one_by_one {
                listener.accept().await?
            } else {
                listener.incoming().next().await?
            };
            let (mut pieces, mut left) = (stream.received(), 5);
            while left > 0 {
                let piece = pieces.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
                left -= piece.len();
                stream.send_all(piece.to_vec()).await.0?;
            }
        }
        io::Result::Ok(())
    });
    for _ in 0..2 {
        let stream = TcpStream::connect(to, LONG).await?;
        stream.send_all(b"hello".to_vec()).await.0?;
        let (received, buf) = stream.recv_exact(vec![0; 5]).await;
        received?;
        assert_eq!(buf, b"hello");
    }
    served.await.map_err(io::Error::other)??;
    Ok(bytes)
}

#[test]
fn files_and_sockets_work_whatever_of_io_uring_is_refused_and_however() {
    let me = "files_and_sockets_work_whatever_of_io_uring_is_refused_and_however";
    for calls in ["io_uring", "io_uring_setup", "io_uring_enter", "io_uring_register"] {
        for how in ERRORS {
            refused(me, calls, how, || {
                let runtime = Runtime::new().expect("it goes without a ring");
                // Where only registering is refused there is a ring, without what it registers.
                if calls != "io_uring_register" {
                    assert!(!runtime.has_ring());
                    assert_eq!(runtime.path().0, Path::Cold);
                    let text = match how {
                        "ENOSYS" => "not implemented",
                        "EPERM" => "not permitted",
                        _ => "memory",
                    };
                    let why = runtime.refused().expect("there is a reason");
                    assert!(why.contains(text), "{why}");
                }
                let dir = tempfile::tempdir().expect("a directory");
                let path = dir.path().join("x");
                let program = timeout(LONG, files_and_sockets(&path));
                let done = runtime.block_on(program).expect("in time");
                let bytes = done.expect("the program works");
                assert!(bytes[..100_000] == [7; 100_000] && bytes[100_000..] == [8; 10]);
                let counters = runtime.counters();
                assert_eq!(counters.pooled + counters.readied > 0, !runtime.has_ring());
            });
        }
    }
}

#[test]
fn a_ring_that_is_demanded_fails_with_the_kernels_error() {
    let me = "a_ring_that_is_demanded_fails_with_the_kernels_error";
    for calls in ["io_uring_setup", "io_uring_enter"] {
        for (how, errno) in ERRORS.into_iter().zip([38, 1, 12]) {
            refused(me, calls, how, || {
                let built = Runtime::options().backend(Backend::Ring).build();
                assert_eq!(built.map(drop).map_err(|e| e.raw_os_error()), Err(Some(errno)));
            });
        }
    }
}

#[test]
fn the_bridge_reads_through_the_pool() {
    refused("the_bridge_reads_through_the_pool", "io_uring", "ENOSYS", || {
        let bridge = Bridge::new().expect("it goes without a ring");
        assert!(!bridge.has_ring());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), [9; 10_000]).expect("writes");
        // Any executor will do; this one has no ring either.
        let runtime = Runtime::new().expect("it goes without a ring");
        let read: io::Result<usize> = runtime.block_on(async {
            let file = bridge.open(file.path()).await?;
            file.read_at(vec![0; 20_000], 0).await.0
        });
        assert_eq!(read.ok(), Some(10_000));
    });
}

/// Programs that are started while operations are in flight have none of the ring's descriptors,
/// and the operations go on.
#[test]
fn a_program_that_is_started_does_not_disturb_what_is_in_flight() {
    for backend in [Backend::Ring, Backend::Pool] {
        let Some(runtime) = runtime(backend) else { continue };
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        runtime.block_on(async {
            let waiting = spawn(async move { ours.recv(vec![0; 16]).await });
            cutwater_rt::yield_now().await;
            let list = || Command::new("ls").args(["-l", "/proc/self/fd"]).output();
            for _ in 0..10 {
                let listed = cutwater_rt::spawn_blocking(list).await.expect("no panic");
                let listed = String::from_utf8(listed.expect("ls runs").stdout).expect("text");
                assert!(!listed.contains("io_uring"), "{backend:?}: {listed}");
                assert!(!listed.contains("event"), "{backend:?}: {listed}");
                assert!(!waiting.is_finished(), "{backend:?}");
            }
            theirs.send_all(b"late".to_vec()).await.0.expect("sends");
            let (received, buf) = waiting.await.expect("it ends");
            assert_eq!(&buf[..received.expect("receives")], b"late", "{backend:?}");
        });
    }
}
