//! Files from other executors.

use std::io::SeekFrom;

use cutwater_rt::Backend;
use cutwater_rt::bridge::{Bridge, Reader, Writer};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn bridges() -> Vec<Bridge> {
    let backends = [Backend::Ring, Backend::Pool, Backend::Fake(1)];
    let built = backends.into_iter().filter_map(|backend| {
        Bridge::options()
            .backend(backend)
            .start()
            .inspect_err(|e| cutwater_testing::skip!("{backend:?}: {e}"))
            .ok()
    });
    built.collect()
}

/// A file that is not resident, so that reads are operations where the host allows that.
fn cold_file(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), content).expect("writes");
    file.as_file().sync_all().expect("syncs");
    let _ = rustix::fs::fadvise(file.as_file(), 0, None, rustix::fs::Advice::DontNeed);
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_read_through_one_bridge() {
    let expected = bytes(1 << 20);
    for bridge in bridges() {
        let temp = cold_file(&expected);
        let file = bridge.open(temp.path()).await.expect("opens");
        let tasks: Vec<_> = (0..256usize)
            .map(|n| {
                let file = file.clone();
                tokio::spawn(async move {
                    let at = n * 4096;
                    let (mut whole, mut done) = (Vec::new(), 0);
                    while done < 4096 {
                        let (read, buf) =
                            file.read_at(vec![0; 4096 - done], (at + done) as u64).await;
                        let n = read.expect("reads");
                        whole.extend_from_slice(&buf[..n]);
                        done += n;
                    }
                    (at, whole)
                })
            })
            .collect();
        for task in tasks {
            let (at, whole) = task.await.expect("it ends");
            assert!(whole == expected[at..at + 4096], "at {at}");
        }
    }
}

#[tokio::test]
async fn a_reader_reads_and_seeks_like_a_file() {
    let expected = bytes(500_000);
    for bridge in bridges() {
        let temp = cold_file(&expected);
        let mut reader = Reader::new(bridge.open(temp.path()).await.expect("opens"));
        let mut whole = Vec::new();
        reader.read_to_end(&mut whole).await.expect("reads");
        assert!(whole == expected);
        let mut four = [0; 4];
        for (to, at) in
            [(SeekFrom::Start(10), 10), (SeekFrom::Current(6), 20), (SeekFrom::End(-4), 499_996)]
        {
            assert_eq!(reader.seek(to).await.expect("seeks"), at as u64);
            reader.read_exact(&mut four).await.expect("reads");
            assert_eq!(four, expected[at..at + 4]);
        }
        assert!(reader.seek(SeekFrom::Current(-1_000_000)).await.is_err());
    }
}

/// Nobody can say that a bridge waits in vain, and neither a core that other cores give work to.
#[tokio::test]
async fn a_simulated_bridge_and_core_may_be_idle() {
    let temp = cold_file(b"x");
    let bridge = Bridge::options().backend(Backend::FakeFailing(1)).start().expect("starts");
    let runtime = cutwater_rt::Runtime::options().backend(Backend::FakeFailing(1)).cores(2);
    let runtime = runtime.build().expect("starts");
    // Longer than a simulated kernel that is alone waits.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let mut opened = bridge.open(temp.path()).await;
    for _ in 0..20 {
        if opened.is_ok() {
            break;
        }
        opened = bridge.open(temp.path()).await;
    }
    assert_eq!(opened.map(drop).map_err(|e| e.to_string()), Ok(()));
    let value = runtime
        .block_on(async { cutwater_rt::spawn_on(1, || async { 7 }).expect("is there").await });
    assert_eq!(value, Ok(7));
}

/// The fake kernel interrupts one operation in 16.
#[tokio::test]
async fn an_open_that_is_interrupted_is_tried_again() {
    let temp = cold_file(b"x");
    for seed in 0..64 {
        let bridge = Bridge::options().backend(Backend::Fake(seed)).start();
        let opened = bridge.expect("a fake needs nothing").open(temp.path()).await;
        assert_eq!(opened.map(drop).map_err(|e| e.kind()), Ok(()), "seed {seed}");
    }
}

#[tokio::test]
async fn dropped_reads_and_a_dropped_bridge_leave_nothing_behind() {
    for bridge in bridges() {
        let temp = cold_file(&bytes(1 << 20));
        let file = bridge.open(temp.path()).await.expect("opens");
        for n in 0..200u64 {
            let read = file.read_at(vec![0; 4096], n * 4096);
            let _ = tokio::time::timeout(std::time::Duration::from_nanos(n * 100), read).await;
        }
        drop(file);
        // This ends its thread and the operations that it has.
        drop(bridge);
    }
    let missing = Bridge::new().expect("starts").open("/no/such/file").await;
    assert_eq!(missing.map(drop).map_err(|e| e.kind()), Err(std::io::ErrorKind::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_writes_all_bytes_from_its_position() {
    for bridge in bridges() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        let file = bridge.create(&path).await.expect("makes it");
        file.write_all_at(vec![9; 10], 0).await.0.expect("writes");
        let mut writer = Writer::new(file.clone(), 10);
        let expected = bytes(700_000);
        for piece in expected.chunks(7777) {
            writer.write_all(piece).await.expect("gathers");
        }
        writer.shutdown().await.expect("writes");
        file.sync_data().await.expect("syncs");
        file.sync_all().await.expect("syncs");
        let written = std::fs::read(&path).expect("reads");
        assert!(written[..10] == [9; 10] && written[10..] == expected);
        // A failed write is an error of the flush at the latest.
        let read_only = bridge.open(&path).await.expect("opens");
        let mut writer = Writer::new(read_only, 0);
        writer.write_all(b"x").await.expect("gathers");
        assert!(writer.flush().await.is_err());
    }
}

#[test]
fn any_executor_will_do() {
    use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
    use std::future::poll_fn;
    use std::pin::Pin;

    let runtime = cutwater_rt::Runtime::new().expect("it starts");
    let bridge = Bridge::new().expect("it starts");
    let dir = tempfile::tempdir().expect("a directory");
    runtime.block_on(async {
        let file = bridge.create(dir.path().join("x")).await.expect("makes it");
        let mut writer = Writer::new(file.clone(), 0);
        let mut pinned = Pin::new(&mut writer);
        let n = poll_fn(|cx| AsyncWrite::poll_write(pinned.as_mut(), cx, b"abcdef")).await;
        assert_eq!(n.expect("gathers"), 6);
        poll_fn(|cx| AsyncWrite::poll_close(pinned.as_mut(), cx)).await.expect("writes");
        let mut reader = Reader::new(file);
        let mut pinned = Pin::new(&mut reader);
        let at = poll_fn(|cx| AsyncSeek::poll_seek(pinned.as_mut(), cx, SeekFrom::End(-4))).await;
        assert_eq!(at.expect("seeks"), 2);
        let mut buf = [0; 10];
        let n = poll_fn(|cx| AsyncRead::poll_read(pinned.as_mut(), cx, &mut buf)).await;
        assert_eq!(&buf[..n.expect("reads")], b"cdef");
    });
}
