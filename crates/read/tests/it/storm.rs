//! Four threads read through maps while another process truncates, extends and punches holes.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cutwater::{Mapped, ReadPath, sigbus};
use cutwater_testing::Dice;
use cutwater_testing::child::role;
use cutwater_testing::storm::{self, COUNTS, FILE_BYTES, READY, Storm, byte};
use rustix::fs::{FallocateFlags, fallocate};

/// The reading process: counts reads, errors, wrong bytes and faults caught.
fn read_until_input_ends(path: &Path, with_children: bool) {
    let seed = storm::seed();
    let mapped = Mapped::open(path).unwrap();
    let windows = Mapped::options().budget(128 << 10).window(64 << 10).open(path).unwrap();
    let file = cutwater::File::options().path(ReadPath::Mmap).open(path).unwrap();
    println!("{READY}");
    let over = AtomicBool::new(false);
    let (reads, errors, wrong) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (mapped, windows, file) = (&mapped, &windows, &file);
            let (over, reads, errors, wrong) = (&over, &reads, &errors, &wrong);
            scope.spawn(move || {
                let (mut dice, mut buf) = (Dice::new(seed * 4 + thread), vec![0; 20_000]);
                for round in 0u64.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let at = dice.below(FILE_BYTES);
                    let len = 1 + dice.below(20_000) as usize;
                    let buf = &mut buf[..len];
                    let outcome = match round % 3 {
                        0 => mapped.read_at(buf, at).map_err(|fault| fault.copied()),
                        1 => windows.read_at(buf, at).map_err(|fault| fault.copied()),
                        _ => file.read_at(buf, at).map_err(|_| 0),
                    };
                    errors.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
                    let n = outcome.unwrap_or_else(|copied| copied);
                    let places = buf[..n].iter().zip(at..);
                    let bad = places.filter(|(b, at)| **b != 0 && **b != byte(*at)).count();
                    wrong.fetch_add(bad as u64, Ordering::Relaxed);
                    reads.fetch_add(1, Ordering::Relaxed);
                    if round % 50 == 0 {
                        mapped.refresh().unwrap();
                        windows.refresh().unwrap();
                    }
                }
            });
        }
        if with_children {
            let (over, reads) = (&over, &reads);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let before = reads.load(Ordering::Relaxed);
                    assert!(Command::new("true").status().unwrap().success());
                    while reads.load(Ordering::Relaxed) < before + 100 {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        std::thread::yield_now();
                    }
                }
            });
        }
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        over.store(true, Ordering::Relaxed);
    });
    let count = |n: AtomicU64| n.into_inner();
    println!(
        "{COUNTS}{} {} {} {}",
        count(reads),
        count(errors),
        count(wrong),
        sigbus::counters().caught
    );
}

fn change(file: &File, dice: &mut Dice) {
    let at = dice.below(FILE_BYTES);
    let len = 1 + dice.below((FILE_BYTES - at).min(40_000));
    match dice.below(8) {
        0 => file.set_len(0).unwrap(),
        1 | 2 => file.set_len(at).unwrap(),
        3 => file.set_len(FILE_BYTES).unwrap(),
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
    if let Some(role) = role() {
        if with_handler {
            assert_eq!(sigbus::install().is_ok(), cfg!(target_arch = "x86_64"));
        }
        return read_until_input_ends(Path::new(&role[0]), with_children);
    }
    let temp = tempfile::NamedTempFile::new().unwrap();
    let reader = format!("storm::{name}");
    let storm = storm::change_while_read(&reader, temp.path(), changes, change).unwrap();
    let Storm { seed, changes, counts: [reads, errors, wrong, caught] } = storm;
    println!(
        "seed {seed}, {changes} changes: {reads} reads, {errors} errors, {caught} caught, {wrong} wrong bytes"
    );
    assert!(reads > 0 && errors > 0, "no storm: {storm:?}");
    assert_eq!(wrong, 0, "seed {seed}");
    assert_eq!(caught > 0, with_handler && cfg!(target_arch = "x86_64"), "{storm:?}");
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
