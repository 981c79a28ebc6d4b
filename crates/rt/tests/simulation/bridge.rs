//! A bridge over a simulated kernel, and its users on another executor: some drop what they wait for, some end.
//!
//! The bridge has a thread of its own, so a seed decides what goes wrong, but not the order of its requests: two
//! runs of one seed may differ.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use cutwater_rt::Backend;
use cutwater_rt::bridge::{Bridge, File};
use cutwater_testing::{Dice, wait_until};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::{FILE_BYTES, REAL_LIMIT, byte, descriptors};

/// Users of one history at most.
const USERS_MAX: u64 = 6;

/// Real time after which a user is taken to hang.
const LIMIT: Duration = Duration::from_secs(60);

/// Tries again, as what fails here fails for a moment.
async fn patiently<T>(mut attempt: impl AsyncFnMut() -> io::Result<T>) -> T {
    for _ in 0..1000 {
        if let Ok(value) = attempt().await {
            return value;
        }
    }
    panic!("it fails a thousand times");
}

/// Reads a part of the file and checks its bytes.
async fn reads(file: &File, dice: &mut Dice) -> io::Result<()> {
    let len = 1 + dice.below(FILE_BYTES as u64 - 1) as usize;
    let offset = dice.below((FILE_BYTES - len) as u64 + 1) as usize;
    let (read, bytes) = file.read_exact_at(vec![0; len], offset as u64).await;
    read?;
    assert!(bytes.iter().enumerate().all(|(at, b)| *b == byte(offset + at)), "wrong bytes");
    Ok(())
}

/// Uses the shared file and one of its own; returns how many operations succeeded.
async fn user(bridge: Bridge, dir: PathBuf, number: u64, mut dice: Dice) -> u64 {
    let mut done = 0;
    let shared = patiently(async || bridge.open(dir.join("file")).await).await;
    let own = patiently(async || bridge.create(dir.join(format!("own.{number}"))).await).await;
    let mut written: Vec<u8> = Vec::new();
    for _ in 0..1 + dice.below(12) {
        match dice.below(6) {
            0..=2 => done += u64::from(reads(&shared, &mut dice).await.is_ok()),
            3 => {
                let more: Vec<_> = (0..1 + dice.below(5000) as usize).map(byte).collect();
                if own.write_all_at(more.clone(), written.len() as u64).await.0.is_ok() {
                    written.extend_from_slice(&more);
                    done += 1;
                }
            }
            4 => done += u64::from(own.sync_data().await.is_ok()),
            _ => {
                // Begun, and dropped while the bridge has it.
                let mut read = Box::pin(shared.read_at(vec![0; 4096], 0));
                for _ in 0..dice.below(3) {
                    let polled = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx)));
                    if polled.await.is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    // What was reported as written is there, whatever failed in between.
    let found = patiently(async || {
        let (read, found) = own.read_exact_at(vec![0; written.len()], 0).await;
        read.map(|()| found)
    });
    assert!(found.await == written, "other bytes than were written");
    done
}

/// One history; returns how many operations succeeded.
pub(crate) fn run(seed: u64) -> u64 {
    let dir = tempfile::tempdir().expect("a directory");
    let bytes: Vec<_> = (0..FILE_BYTES).map(byte).collect();
    std::fs::write(dir.path().join("file"), bytes).expect("writes");
    let before = descriptors();
    let mut dice = Dice::new(seed ^ 0xb71d);
    let bridge = Bridge::options().backend(Backend::FakeFailing(seed)).start().expect("starts");
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let executor = executor.expect("an executor");
    let done = LocalSet::new().block_on(&executor, async {
        let users: Vec<_> = (0..1 + dice.below(USERS_MAX))
            .map(|number| {
                let dice = Dice::new(dice.roll());
                spawn_local(user(bridge.clone(), dir.path().into(), number, dice))
            })
            .collect();
        if dice.below(3) == 0 {
            for _ in 0..dice.below(20) {
                tokio::task::yield_now().await;
            }
            users.iter().step_by(2).for_each(JoinHandle::abort);
        }
        // Where users are gone, it has their operations still.
        drop(bridge);
        let mut done = 0;
        for user in users {
            match tokio::time::timeout(LIMIT, user).await.expect("it does not hang") {
                Ok(more) => done += more,
                Err(e) => assert!(e.is_cancelled(), "{e}"),
            }
        }
        done
    });
    drop(executor);
    wait_until("descriptors are left", REAL_LIMIT, || descriptors() == before);
    done
}
