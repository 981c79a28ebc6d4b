//! What an answer for a hot file of 4 KiB costs, against open, fstat, read and close.
//!
//! `cargo bench -p cutwater-keep --bench hot_files [-- --quick]`
//!
//! The ways take turns (A B C A B C). Printed are medians of the rounds; a sum over the bytes shows
//! that no way skips its work. Promised ratios: 1/20 by events, 1/3 by `statx(2)`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cutwater_keep::hot_files::{Freshness, HotFiles};

const FILES: usize = 16;
const BYTES: usize = 4096;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, calls) = if quick { (5, 200) } else { (41, 20_000) };
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..FILES).map(|i| dir.path().join(format!("file-{i}"))).collect();
    for (i, path) in paths.iter().enumerate() {
        std::fs::write(path, vec![i as u8 + 1; BYTES]).unwrap();
    }
    let events = Freshness::Inotify { bound: Duration::from_millis(10) };
    let events = HotFiles::options().freshness(events).build().unwrap();
    let stat = HotFiles::options().freshness(Freshness::Stat).build().unwrap();
    warm_up(&events, &paths);
    warm_up(&stat, &paths);

    let mut buffer = vec![0; BYTES];
    let mut ns = [const { Vec::new() }; 3];
    let mut sums = [0u64; 3];
    for _ in 0..rounds {
        let ways: [&mut dyn FnMut(&Path) -> u64; 3] = [
            &mut |p| read_it(p, &mut buffer),
            &mut |p| ends_of(black_box(events.get(p).unwrap().bytes())),
            &mut |p| ends_of(black_box(stat.get(p).unwrap().bytes())),
        ];
        for (way, f) in ways.into_iter().enumerate() {
            let start = Instant::now();
            for i in 0..calls {
                sums[way] = sums[way].wrapping_mul(31).wrapping_add(f(&paths[i % FILES]));
            }
            ns[way].push(start.elapsed().as_nanos() as f64 / calls as f64);
        }
    }
    assert!(sums.iter().all(|s| *s == sums[0]), "the ways read different bytes: {sums:?}");
    report(&ns);
    println!("events: {:?}\nstatx:  {:?}", events.counts(), stat.counts());
}

/// Until every file is settled and, where there are events, watched.
fn warm_up(files: &HotFiles, paths: &[PathBuf]) {
    for _ in 0..6 {
        paths.iter().for_each(|p| drop(files.get(p).unwrap()));
        std::thread::sleep(Duration::from_millis(15));
    }
}

fn read_it(path: &Path, buffer: &mut [u8]) -> u64 {
    let mut file = File::open(path).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    file.read_exact(&mut buffer[..len]).unwrap();
    ends_of(black_box(&buffer[..len]))
}

fn ends_of(bytes: &[u8]) -> u64 {
    u64::from(bytes[0]) + 256 * u64::from(bytes[bytes.len() - 1]) + bytes.len() as u64
}

fn report(ns: &[Vec<f64>; 3]) {
    let names = ["open+fstat+read+close", "HotFiles, events", "HotFiles, statx"];
    let medians = ns.each_ref().map(|v| quantile(v, 0.5));
    for ((name, v), median) in names.iter().zip(ns).zip(medians) {
        let (low, high) = (quantile(v, 0.25), quantile(v, 0.75));
        let ratio = medians[0] / median;
        println!("{name:<22} {median:>8.1} ns [{low:.1} .. {high:.1}]  1/{ratio:.1}");
    }
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}
