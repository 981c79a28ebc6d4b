//! A runtime that waits for events is idle: monitoring must not take it for one that waits for a disk.

use std::fs;
use std::time::{Duration, Instant};

use cutwater_rt::net::TcpListener;
use cutwater_rt::time::timeout;
use cutwater_rt::{Backend, Runtime, spawn, spawn_blocking};
use cutwater_sys::ring::{Feature, OpRing, RingConfig};
use cutwater_testing::skip;

use crate::support::LONG;

/// How many threads of the host wait for a disk now (`procs_blocked` of `/proc/stat`).
fn waiting_for_disks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("procs_blocked "))?.trim().parse().ok()
}

/// Other programs may wait for a disk, but not at every moment.
#[test]
fn a_resting_server_does_not_count_as_waiting_for_a_disk() {
    let ring = OpRing::new(&RingConfig::default());
    match ring.map(|ring| ring.setup().has(Feature::NoIowait)) {
        Ok(true) => {}
        Ok(false) => {
            return skip!("the kernel counts a wait for a ring as iowait (before Linux 6.15)");
        }
        Err(e) => return skip!("no ring: {e}"),
    }
    if waiting_for_disks().is_none() {
        return skip!("/proc/stat does not say how many threads wait for a disk");
    }
    let observe = || {
        let end = Instant::now() + LONG;
        // The server has begun to rest by then.
        std::thread::sleep(Duration::from_millis(100));
        while Instant::now() < end {
            if waiting_for_disks() == Some(0) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    };
    let runtime = Runtime::options().backend(Backend::Ring).build().expect("there is a ring");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        drop(spawn(async move { listener.accept().await }));
        let without_limit = spawn_blocking(observe).await.expect("it ends");
        let with_limit = timeout(2 * LONG, spawn_blocking(observe)).await;
        let with_limit = with_limit.expect("it ends in time").expect("it ends");
        assert_eq!((without_limit, with_limit), (true, true), "a thread always waits for a disk");
    });
}
