//! A host without io_uring: the same programs, and a reason that can be told.

use std::io;

use cutwater_rt::bridge::Bridge;
use cutwater_rt::fs::{self, File};
use cutwater_rt::{Backend, Path, Runtime};
use cutwater_sys::seccomp::{self, Refusal, SysCall};

/// Runs `test` on a thread to which the kernel refuses rings, as it does to those it starts.
fn refused(how: Refusal, test: impl FnOnce() + Send + 'static) {
    let run = move || {
        seccomp::refuse(&SysCall::IO_URING, how).expect("a process may refuse calls to itself");
        test();
    };
    std::thread::spawn(run).join().expect("the test passes");
}

#[test]
fn files_go_to_a_pool_and_the_reason_is_told() {
    for (how, word) in [(Refusal::NoSys, "not implemented"), (Refusal::Perm, "not permitted")] {
        refused(how, move || {
            let runtime = Runtime::new().expect("it goes without a ring");
            assert!(!runtime.has_ring());
            assert_eq!(runtime.path().0, Path::Cold);
            let why = runtime.refused().expect("there is a reason");
            assert!(why.contains(word), "{why}");
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("x");
            let read = runtime.block_on(async {
                let file = File::create(&path).await?;
                file.write_all_at(vec![7; 100_000], 0).await.0?;
                file.sync_all().await?;
                fs::read(&path).await
            });
            assert!(read.is_ok_and(|bytes| bytes == [7; 100_000]));
            assert!(runtime.counters().pooled > 0);
        });
    }
}

#[test]
fn a_ring_that_is_demanded_fails_with_the_kernels_word() {
    refused(Refusal::NoSys, || {
        let built = Runtime::builder().backend(Backend::Ring).build();
        assert_eq!(built.map(drop).map_err(|e| e.raw_os_error()), Err(Some(38)));
    });
}

#[test]
fn the_bridge_reads_through_the_pool() {
    refused(Refusal::NoSys, || {
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
