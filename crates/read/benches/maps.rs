//! What reads from a protected map cost, against calls and against a plain copy.
//!
//! `cargo bench -p cutwater --bench maps [-- --quick]`
//!
//! The ways take turns (A B C A B C). Printed are medians and spread of the rounds; sums over the bytes
//! must agree.
//! Promised: `Mapped` at 2.2 times `pread(2)` or more at 4 KiB, 1.2 at 1 MiB, and within 3 % of a
//! plain copy of the same bytes; residency of 64 MiB 10 times faster than by `mincore(2)`; a
//! writer that breaks the lease of a 256 MiB snapshot waits under 1 s.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::hint::black_box;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use cutwater::maps::LeaseOptions;
use cutwater::{File, Frozen, Mapped, sigbus};
use cutwater_lab::SplitMix;
use cutwater_sys::{memfd, residency};

const FILE_BYTES: usize = 64 << 20;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let rounds = if quick { 3 } else { 31 };
    if let Err(e) = sigbus::install() {
        println!("reads go by calls here, as maps cannot be protected: {e}");
    }
    let bytes: Vec<u8> = (0..FILE_BYTES).map(|i| (i / 7) as u8 | 1).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file.as_file().sync_all().unwrap();
    // The same pages as a slice, which nobody can truncate: what a plain copy copies from.
    let sealed = memfd::sealed("bench", &[&bytes]).unwrap();
    let (plain, shared) =
        (Frozen::from_memfd(&sealed).unwrap(), sealed.as_fd().try_clone_to_owned());
    let same = Mapped::options().from_fd(shared.unwrap()).unwrap();
    let mapped = Mapped::open(file.path()).unwrap();
    for block in [4 << 10, 1 << 20] {
        copies(rounds, block, file.as_file(), &mapped, &plain, &same);
    }
    resident(rounds, file.path());
    lease(if quick { 16 << 20 } else { 256 << 20 });
}

/// A way to fill a buffer from an offset.
type Way<'a> = Box<dyn FnMut(usize, &mut [u8]) + 'a>;

fn copies(
    rounds: usize,
    block: usize,
    file: &std::fs::File,
    mapped: &Mapped,
    plain: &Frozen,
    same: &Mapped,
) {
    let mut buf = vec![0; block];
    let through = |mapped: &Mapped, at: usize, buf: &mut [u8]| {
        let n = mapped.read_at(buf, at as u64).unwrap();
        assert_eq!(n, buf.len());
    };
    let mut ways: [(&str, Way<'_>); 4] = [
        ("pread", Box::new(|at, buf| file.read_exact_at(buf, at as u64).unwrap())),
        ("Mapped", Box::new(|at, buf| through(mapped, at, buf))),
        ("copy of a slice", Box::new(|at, buf| buf.copy_from_slice(&plain[at..at + buf.len()]))),
        ("Mapped of it", Box::new(|at, buf| through(same, at, buf))),
    ];
    let offsets = offsets(block);
    let mut ns = [const { Vec::new() }; 4];
    let mut sums = [0u64; 4];
    for round in 0..=rounds {
        for (i, (_, read)) in ways.iter_mut().enumerate() {
            let started = Instant::now();
            for &at in &offsets {
                read(at, &mut buf);
                sums[i] = sums[i].wrapping_add(u64::from(black_box(&buf)[block - 1]));
            }
            // The first round makes the page tables.
            if round > 0 {
                ns[i].push(started.elapsed().as_nanos() as f64 / offsets.len() as f64);
            }
        }
    }
    assert!(sums.iter().all(|sum| *sum == sums[0]), "other bytes were read: {sums:?}");
    let middles = ns.map(|mut values| {
        values.sort_unstable_by(f64::total_cmp);
        let at = |share: usize| values[(values.len() - 1) * share / 4];
        (at(2), (at(3) - at(1)) / at(2) * 100.0)
    });
    for ((name, _), (middle, spread)) in ways.iter().zip(middles) {
        println!("{block:>8} B  {name:<16} {middle:>10.0} ns  +-{spread:.0} %");
    }
    let [(pread, _), (mapped, _), (plain, _), (same, _)] = middles;
    println!(
        "{block:>8} B  Mapped is {:.2} times pread, and takes {:.1} % more than a plain copy",
        pread / mapped,
        (same / plain - 1.0) * 100.0
    );
}

/// Places of blocks in no order, the same for all.
fn offsets(block: usize) -> Vec<usize> {
    let mut random = SplitMix(1);
    let blocks = (FILE_BYTES / block) as u64;
    let count = (FILE_BYTES / block).min(4096);
    (0..count).map(|_| random.below(blocks) as usize * block).collect()
}

fn resident(rounds: usize, path: &std::path::Path) {
    let file = File::open(path).unwrap();
    let (mut ours, mut mincore) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        let found = file.residency(0..FILE_BYTES as u64).unwrap();
        ours.push(started.elapsed().as_nanos() as f64);
        let started = Instant::now();
        let pages = residency::mincore(file.as_fd(), 0..FILE_BYTES as u64).unwrap();
        mincore.push(started.elapsed().as_nanos() as f64);
        assert_eq!(found.resident, pages, "the two disagree");
    }
    for times in [&mut ours, &mut mincore] {
        times.sort_unstable_by(f64::total_cmp);
    }
    let (ours, mincore) = (ours[ours.len() / 2], mincore[mincore.len() / 2]);
    println!(
        "residency of 64 MiB: {:.1} us, by mincore {:.0} us: {:.0} times faster",
        ours / 1e3,
        mincore / 1e3,
        mincore / ours
    );
}

fn lease(bytes: usize) {
    let mut temp = tempfile::NamedTempFile::new().unwrap();
    let contents: Vec<u8> = (0..bytes).map(|i| (i / 5) as u8).collect();
    temp.write_all(&contents).unwrap();
    let path = temp.into_temp_path();
    let frozen = match Frozen::by_lease(&path, &LeaseOptions::default()) {
        Ok(frozen) => frozen,
        Err(e) => return println!("no lease here: {e}"),
    };
    let started = Instant::now();
    std::fs::File::options().write(true).open(&path).unwrap().write_all(b"changed").unwrap();
    let waited = started.elapsed();
    assert!(frozen[..] == contents, "the snapshot changed");
    println!("lease of {} MiB: the writer waited {waited:?}, the snapshot is whole", bytes >> 20);
}
