//! Ranges of a local file by [`cutwater_store::Files`] and by `object_store`'s own `LocalFileSystem`.
//!
//! `cargo bench -p cutwater-store --bench ranges [-- [--quick] [--raw FILE]]`
//!
//! By turns (A B A B), medians of the rounds and half of the spread between their quartiles; every
//! byte is hashed on both sides. Cold cells drop the file from the page cache before each turn.
//! Promised: 1.0 or better in every cell, and 1.5 for concurrent ranges of a cold file. `--raw` keeps
//! the time of every round, a JSON object for each cell.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::time::Instant;

use cutwater::{Advice, File};
use cutwater_lab::SplitMix;
use cutwater_meter::Checksum;
use cutwater_store::Files;
use futures::future::join_all;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

/// A cell: what is asked for in one turn.
#[derive(Clone, Copy)]
struct Cell {
    name: &'static str,
    cold: bool,
    range_bytes: u64,
    /// Ranges of one call, by `get_ranges`; one at a time by `get_range` where it is 0.
    ranges: u64,
    /// Calls that are in flight together, and how often.
    together: u64,
    times: u64,
}

const CELLS: [Cell; 10] = [
    cell("4 KiB", false, 4 << 10, 0, 1, 400),
    cell("64 KiB", false, 64 << 10, 0, 1, 200),
    cell("1 MiB", false, 1 << 20, 0, 1, 50),
    cell("16 of 4 KiB", false, 4 << 10, 16, 1, 100),
    cell("16 of 64 KiB", false, 64 << 10, 16, 1, 50),
    cell("8 times 16 of 64 KiB", false, 64 << 10, 16, 8, 8),
    cell("64 KiB", true, 64 << 10, 0, 1, 100),
    cell("16 of 64 KiB", true, 64 << 10, 16, 1, 20),
    cell("8 times 64 KiB", true, 64 << 10, 0, 8, 20),
    cell("8 times 16 of 64 KiB", true, 64 << 10, 16, 8, 4),
];

const fn cell(
    name: &'static str,
    cold: bool,
    range_bytes: u64,
    ranges: u64,
    together: u64,
    times: u64,
) -> Cell {
    Cell { name, cold, range_bytes, ranges, together, times }
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, file_bytes) = if quick { (2, 16 << 20) } else { (11, 512 << 20) };
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let path = dir.path().join("data");
    write(&path, file_bytes);
    let stores: [(&str, Arc<dyn ObjectStore>); 2] = [
        ("cutwater", Arc::new(Files::below(dir.path()).unwrap())),
        ("local", Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap())),
    ];
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "| cell | cutwater, us | local, us | times as fast | spread |\n|---|---:|---:|---:|---:|"
    );
    let mut raw = String::new();
    for cell in CELLS {
        let name = format!("{} {}", if cell.cold { "cold" } else { "warm" }, cell.name);
        let calls = cell.calls(file_bytes, quick);
        let mut took = [Vec::new(), Vec::new()];
        let mut hashes = [0, 0];
        for round in 0..=rounds {
            for (at, (_, store)) in stores.iter().enumerate() {
                prepare(&path, cell.cold);
                let (us, hash) = turn(&runtime, store, &calls, cell);
                hashes[at] = hash;
                // The first round warms up.
                if round > 0 {
                    took[at].push(us);
                }
            }
        }
        assert_eq!(hashes[0], hashes[1], "the stores read other bytes");
        let [ours, theirs] = &took;
        raw += &format!(
            "{{\"cell\":\"{name}\",\"us\":{{\"cutwater\":{ours:?},\"local\":{theirs:?}}}}}\n"
        );
        let [ours, theirs] = took.map(|mut us| {
            us.sort_by(f64::total_cmp);
            let at = |q: usize| us[(us.len() - 1) * q / 4];
            (at(2), (at(3) - at(1)) / 2.0 / at(2) * 100.0)
        });
        println!(
            "| {name} | {:.1} | {:.1} | {:.2} | {:.0} and {:.0} % |",
            ours.0,
            theirs.0,
            theirs.0 / ours.0,
            ours.1,
            theirs.1
        );
    }
    if let Some(at) = std::env::args().position(|a| a == "--raw") {
        let file = std::env::args().nth(at + 1).expect("--raw FILE");
        std::fs::write(file, raw).unwrap();
    }
}

impl Cell {
    /// The ranges of each call, at random places from a seed.
    fn calls(&self, file_bytes: u64, quick: bool) -> Vec<Vec<Range<u64>>> {
        let mut random = SplitMix(self.range_bytes);
        let times = if quick { 2 } else { self.times };
        let call = |_| {
            let range = |_| {
                let at = random.below(file_bytes - self.range_bytes) / 4096 * 4096;
                at..at + self.range_bytes
            };
            (0..self.ranges.max(1)).map(range).collect()
        };
        (0..times * self.together).map(call).collect()
    }
}

/// Microseconds of a call, or of those that are in flight together, and a hash of all bytes.
fn turn(
    runtime: &Runtime,
    store: &Arc<dyn ObjectStore>,
    calls: &[Vec<Range<u64>>],
    cell: Cell,
) -> (f64, u64) {
    let started = Instant::now();
    let mut read = Vec::new();
    for together in calls.chunks(cell.together as usize) {
        let tasks = together.iter().map(|ranges| {
            let (store, ranges) = (Arc::clone(store), ranges.clone());
            runtime.spawn(async move {
                let path = Path::from("data");
                match cell.ranges {
                    0 => vec![store.get_range(&path, ranges[0].clone()).await.unwrap()],
                    _ => store.get_ranges(&path, &ranges).await.unwrap(),
                }
            })
        });
        let done = runtime.block_on(join_all(tasks));
        read.extend(done.into_iter().flat_map(Result::unwrap));
    }
    let us = started.elapsed().as_secs_f64() * 1e6 / (calls.len() as u64 / cell.together) as f64;
    let mut hash = Checksum::new();
    let mut at = 0;
    for bytes in &read {
        hash.add(at, bytes);
        at += bytes.len() as u64;
    }
    (us, hash.value())
}

fn write(path: &FsPath, file_bytes: u64) {
    let block: Vec<u8> =
        (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut bytes = Vec::new();
    for at in 0..file_bytes >> 20 {
        let start = bytes.len();
        bytes.extend_from_slice(&block);
        bytes[start..start + 8].copy_from_slice(&at.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
    std::fs::File::open(path).unwrap().sync_all().unwrap();
}

/// Puts the file out of the page cache, or into it.
fn prepare(path: &FsPath, cold: bool) {
    let file = File::open(path).unwrap();
    if cold {
        file.advise(0..file.size().unwrap(), Advice::DontNeed).unwrap();
    } else {
        let all = file.residency(0..file.size().unwrap()).unwrap();
        if all.resident < all.pages {
            std::io::copy(&mut std::fs::File::open(path).unwrap(), &mut std::io::sink()).unwrap();
        }
    }
}
