//! Submission by a thread of the kernel, with and without a core to spare.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cutwater_lab::{LEVEL, ROUNDS_MIN, Ratio, Word};
use cutwater_meter::Checksum;
use cutwater_sys::ring::{Feature, ReadRing, ReadTarget, RingConfig, SqPoll};

use super::passes::failed;
use crate::reproduce::bed::{Bed, Pass, places};
use crate::reproduce::claim::{Claim, Measured};

const BATCH: usize = 32;
const BLOCK: usize = 4096;
/// A thread that polls goes to sleep after this long without work, and has to be woken by a call.
const IDLE_MS: u32 = 50;
/// Calls for each read that still count as none: the first call wakes the thread.
const CALLS_MAX: f64 = 0.01;

pub(super) const CLAIM: Claim = Claim {
    id: "sqpoll",
    text: "submission by a kernel thread: no system call for a read, and a gain only where a core is spare",
    claimed_ratio: None,
    measure: |bed| {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        if cpus < 2 {
            return Err("the kernel's thread takes a core to spare, and there is only one".into());
        }
        let path = bed.file(256)?;
        bed.warm(&path)?;
        let spots = places(256 << 20, BLOCK as u64, bed.sized(32 << 10, 8 << 10) as usize);
        let mut calls = [0.0f64; 2];
        let names = ["kernel thread", "io_uring_enter"];
        let spare = bed.interleave(&names, "us a read", |side| {
            by(&path, &spots, side == 0, &mut calls[side])
        })?;
        let busy = while_busy(bed, |bed| {
            let names = ["kernel thread, cores busy", "io_uring_enter, cores busy"];
            bed.interleave(&names, "us a read", |side| by(&path, &spots, side == 0, &mut 0.0))
        })?;
        let (alone, crowded) = (spare[0].against(&spare[1]), busy[0].against(&busy[1]));
        let is_so = calls[0] <= CALLS_MAX && gains(&alone) && !gains(&crowded);
        let open = [alone, crowded].iter().any(|ratio| ratio.word() == Word::Undecided);
        let open = if open { "; an interval leaves it open whether there is a gain" } else { "" };
        let why = format!(
            "{:.3} calls a read against {:.3}; with a core to spare, of {cpus}, a read is {:.2} times as fast by the kernel's thread as by io_uring_enter, and with all of them busy {:.2} times{open}",
            calls[0], calls[1], alone.median, crowded.median
        );
        Ok(Measured::fact(spare.into_iter().chain(busy).collect(), is_so, why))
    },
};

/// Whether the first side is faster: by its interval, or by its median where the rounds are too few
/// for one.
fn gains(ratio: &Ratio) -> bool {
    if ratio.rounds < ROUNDS_MIN { ratio.median > 1.0 + LEVEL } else { ratio.low > 1.0 }
}

/// `measure`, while as many other threads as there are cores want to run.
fn while_busy<T>(
    bed: &mut Bed,
    measure: impl FnOnce(&mut Bed) -> Result<T, String>,
) -> Result<T, String> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let measured = measure(bed);
        over.store(true, Ordering::Relaxed);
        measured
    })
}

/// The last of the cores that are ours, where there is another.
fn core_of_its_own() -> Option<u32> {
    let ours = rustix::thread::sched_getaffinity(None).ok()?;
    let last = (0..rustix::thread::CpuSet::MAX_CPU).rev().find(|cpu| ours.is_set(*cpu))?;
    (ours.count() > 1).then_some(last as u32)
}

/// Microseconds for each of the reads at `spots`; `calls` for each read are counted.
fn by(path: &Path, spots: &[u64], kernel_thread: bool, calls: &mut f64) -> Pass {
    let sqpoll = kernel_thread.then(|| SqPoll { idle_ms: IDLE_MS, cpu: core_of_its_own() });
    let config = RingConfig { sqpoll, ..RingConfig::default() };
    let mut ring = ReadRing::new(&config).map_err(|e| format!("no io_uring here: {e}"))?;
    if kernel_thread && !ring.setup().has(Feature::SqPoll) {
        let why = ring.setup().refused.iter().find(|r| r.feature == Feature::SqPoll);
        let why = why.map_or_else(|| "no reason given".to_owned(), |r| r.errno.to_string());
        return Err(format!(
            "the kernel gives no thread that submits (IORING_SETUP_SQPOLL): {why}"
        ));
    }
    ring.cut(BLOCK).map_err(failed)?;
    let file: Arc<OwnedFd> = Arc::new(File::open(path).map_err(failed)?.into());
    let place = ring.keep_file(&file).map_err(failed)?;
    let (mut sum, mut done) = (Checksum::new(), Vec::with_capacity(BATCH));
    let started = Instant::now();
    for batch in spots.chunks(BATCH) {
        for (slot, at) in batch.iter().enumerate() {
            ring.push(slot as u32, 0, BLOCK, &ReadTarget::Kept(place), *at, false)
                .map_err(|e| format!("{e:?}"))?;
        }
        done.clear();
        while ring.in_flight() > 0 {
            // If a kernel thread submits, no call is needed: just look at the queue.
            ring.submit_and_wait(if kernel_thread { 0 } else { batch.len() }).map_err(failed)?;
            ring.reap(&mut done);
        }
        for (slot, at) in batch.iter().enumerate() {
            sum.add(*at, ring.bytes(slot as u32).unwrap_or_default());
        }
    }
    let us = started.elapsed().as_secs_f64() * 1e6 / spots.len() as f64;
    *calls = ring.enters() as f64 / spots.len() as f64;
    Ok((us, sum.value()))
}
