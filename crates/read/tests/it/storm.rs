//! Four threads read through maps while another process truncates, extends and punches holes.
//!
//! `CUTWATER_CHANGES` and `CUTWATER_SEED` lengthen and repeat it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cutwater::{Mapped, ReadPath, sigbus};
use cutwater_testing::Dice;
use rustix::fs::{FallocateFlags, fallocate};

const SIZE: u64 = 64 * 4096;
const ROLE: &str = "CUTWATER_STORM_READS";

/// The byte that belongs at `offset`; never 0, as holes are.
fn byte(offset: u64) -> u8 {
    ((offset ^ (offset >> 9)) % 255) as u8 + 1
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// What the threads of the reading process share.
#[derive(Default)]
struct Counts {
    over: AtomicBool,
    reads: AtomicU64,
    errors: AtomicU64,
    wrong: AtomicU64,
}

/// The reading process: prints reads, faults, wrong bytes.
fn read_until_stdin_ends(path: &Path, with_children: bool) {
    let seed = from_env("CUTWATER_SEED", 1);
    let mapped = Mapped::open(path).unwrap();
    let windows = Mapped::options().budget(128 << 10).window(64 << 10).open(path).unwrap();
    let file = cutwater::File::options().path(ReadPath::Mmap).open(path).unwrap();
    println!("ready");
    let counts = Counts::default();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (mapped, windows, file, counts) = (&mapped, &windows, &file, &counts);
            scope.spawn(move || {
                read_at_random(mapped, windows, file, counts, seed * 4 + thread);
            });
        }
        if with_children {
            scope.spawn(|| start_children(&counts));
        }
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        counts.over.store(true, Ordering::Relaxed);
    });
    println!(
        "said {} {} {} {}",
        counts.reads.into_inner(),
        counts.errors.into_inner(),
        counts.wrong.into_inner(),
        sigbus::counters().caught
    );
}

fn read_at_random(
    mapped: &Mapped,
    windows: &Mapped,
    file: &cutwater::File,
    counts: &Counts,
    seed: u64,
) {
    let (mut dice, mut buf) = (Dice::new(seed), vec![0; 20_000]);
    for round in 0u64.. {
        if counts.over.load(Ordering::Relaxed) {
            break;
        }
        let at = dice.below(SIZE);
        let len = 1 + dice.below(20_000) as usize;
        let buf = &mut buf[..len];
        let outcome = match round % 3 {
            0 => mapped.read_at(buf, at).map_err(|fault| fault.copied()),
            1 => windows.read_at(buf, at).map_err(|fault| fault.copied()),
            _ => file.read_at(buf, at).map_err(|_| 0),
        };
        counts.errors.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        let n = outcome.unwrap_or_else(|copied| copied);
        let places = buf[..n].iter().zip(at..);
        let bad = places.filter(|(b, at)| **b != 0 && **b != byte(*at)).count();
        counts.wrong.fetch_add(bad as u64, Ordering::Relaxed);
        counts.reads.fetch_add(1, Ordering::Relaxed);
        if round % 50 == 0 {
            mapped.refresh().unwrap();
            windows.refresh().unwrap();
        }
    }
}

/// Starts one child after another, with 100 reads between them.
fn start_children(counts: &Counts) {
    while !counts.over.load(Ordering::Relaxed) {
        let before = counts.reads.load(Ordering::Relaxed);
        assert!(Command::new("true").status().unwrap().success());
        while counts.reads.load(Ordering::Relaxed) < before + 100 {
            if counts.over.load(Ordering::Relaxed) {
                break;
            }
            std::thread::yield_now();
        }
    }
}

fn change(file: &File, dice: &mut Dice) {
    let at = dice.below(SIZE);
    let len = 1 + dice.below((SIZE - at).min(40_000));
    match dice.below(8) {
        0 => file.set_len(0).unwrap(),
        1 | 2 => file.set_len(at).unwrap(),
        3 => file.set_len(SIZE).unwrap(),
        4 => {
            let holes = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // Not every file system has them.
            let _ = fallocate(file, holes, at, len);
        }
        _ => {
            let part: Vec<u8> = (at..at + len).map(byte).collect();
            file.write_all_at(&part, at).unwrap();
        }
    }
}

/// Runs the test `name` again as the reader, and the storm over it.
fn storm(name: &str, changes: u64, with_handler: bool, with_children: bool) {
    if let Some(path) = std::env::var_os(ROLE) {
        if with_handler {
            assert_eq!(sigbus::install().is_ok(), cfg!(target_arch = "x86_64"));
        }
        return read_until_stdin_ends(Path::new(&path), with_children);
    }
    let (changes, seed) = (from_env("CUTWATER_CHANGES", changes), from_env("CUTWATER_SEED", 1));
    let temp = tempfile::NamedTempFile::new().unwrap();
    let file = temp.as_file();
    file.write_all_at(&(0..SIZE).map(byte).collect::<Vec<_>>(), 0).unwrap();
    let mut reader = Command::new(std::env::current_exe().unwrap())
        .args([&format!("storm::{name}"), "--exact", "--nocapture"])
        .env(ROLE, temp.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has its maps, so that the whole storm reaches it.
    let (mut out, mut said) = (BufReader::new(reader.stdout.take().unwrap()), String::new());
    while !said.contains("ready") {
        assert!(out.read_line(&mut said).unwrap() > 0, "the reader ended early: {said}");
    }
    let mut dice = Dice::new(seed);
    for _ in 0..changes {
        change(file, &mut dice);
        // On one core the reader needs its turn, too.
        std::thread::yield_now();
    }
    drop(reader.stdin.take());
    out.read_to_string(&mut said).unwrap();
    let status = reader.wait().unwrap();
    assert!(status.success(), "seed {seed}: {status} {said}");
    let line = said.lines().find_map(|l| l.split("said ").nth(1)).unwrap();
    let counts: Vec<u64> = line.split(' ').map(|n| n.parse().unwrap()).collect();
    let [reads, errors, wrong, caught] = counts[..] else { panic!("{line}") };
    println!(
        "seed {seed}, {changes} changes: {reads} reads, {errors} errors, {caught} caught, {wrong} wrong bytes"
    );
    assert!(reads > 0 && errors > 0, "no storm: {line}");
    assert_eq!(wrong, 0, "seed {seed}");
    assert_eq!(caught > 0, with_handler && cfg!(target_arch = "x86_64"), "{line}");
}

#[test]
fn every_fault_of_a_storm_is_an_error() {
    storm("every_fault_of_a_storm_is_an_error", 10_000, true, false);
}

#[test]
fn without_the_handler_reads_by_calls_give_the_same_answers() {
    storm("without_the_handler_reads_by_calls_give_the_same_answers", 2_000, false, false);
}

#[test]
fn children_that_start_in_the_middle_change_nothing() {
    storm("children_that_start_in_the_middle_change_nothing", 2_000, true, true);
}
