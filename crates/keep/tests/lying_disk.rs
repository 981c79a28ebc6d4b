//! Disks that lie: writes, syncs, renames and allocations that fail at any moment, short reads and writes, and a
//! machine that goes down afterwards. What a call said was kept is there; what failed is an error, and never
//! half of a file.
//!
//! In a process of its own, which serves the disk. One test after the other, as a fault in a map of one could
//! wait for the server of another. `CUTWATER_DISKS` is how many histories are tried, `CUTWATER_SEED` the first seed.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what cannot be set up must stop")]

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_keep::scratch::Scratch;
use cutwater_keep::shared_config::{Shared, publish_file, zerocopy};
use cutwater_testing::Dice;
use cutwater_testing::disk::{Call, Disk, Errno};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `history` on a new disk for each seed.
fn each_seed(name: &str, history: impl Fn(Disk, Dice)) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, count) = (number("CUTWATER_SEED", 1), number("CUTWATER_DISKS", 40));
    for seed in first..first + count {
        let disk = match Disk::mount(seed) {
            Ok(disk) => disk,
            Err(e) => {
                cutwater_testing::skip!("no FUSE file system can be mounted here: {e}");
                return;
            }
        };
        let run = || history(disk, Dice::new(seed));
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            println!("{name}: CUTWATER_SEED={seed} CUTWATER_DISKS=1 repeats this");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{name}: {count} histories from seed {first} on");
}

/// Makes one kind of call fail, once or for a while.
fn spoil(disk: &Disk, dice: &mut Dice, calls: &[Call]) {
    let call = calls[dice.below(calls.len() as u64) as usize];
    let errno = if dice.below(2) == 0 { Errno::EIO } else { Errno::ENOSPC };
    disk.fail(call, errno, 1 + dice.below(3) as u32);
}

/// Another boot follows, as the header of a log knows it.
fn reboot(path: &Path) {
    if let Ok(file) = File::options().write(true).open(path)
        && file.metadata().unwrap().len() >= 80
    {
        file.write_all_at(&[0xab; 16], 64).unwrap();
    }
}

fn record(number: u64) -> Vec<u8> {
    let mut record = number.to_le_bytes().to_vec();
    record.resize(8 + (number * 37 % 3000) as usize, number as u8);
    record
}

/// Where each record is that may be there, and whether it has to be.
#[derive(Debug, Default)]
struct Written {
    appended: u64,
    /// Records that a sync said are on the device.
    synced: u64,
    /// A reader has found that the log is damaged.
    damaged: bool,
    history: Vec<String>,
}

/// Opens the log, if it can be, and goes on after what is there.
fn opened(path: &Path, written: &mut Written) -> Option<AppendLog> {
    let options = AppendLog::options().salvage(written.damaged);
    let log = match options.open(path) {
        Ok(log) => log,
        Err(e) => {
            written.history.push(format!("refused: {e}"));
            return None;
        }
    };
    let (seen, end) = count(path, written);
    assert!(seen >= written.synced, "{seen} records are left; {written:?}");
    written.appended = seen;
    // What no sync has confirmed may be lost once the disk has failed, and then that is said.
    written.damaged = end.is_err();
    (!written.damaged).then_some(log)
}

/// How many records a reader sees before the end or an error; each is the right one.
fn count(path: &Path, written: &Written) -> (u64, Result<(), cutwater_keep::Error>) {
    let mut reader = LogReader::open(path).unwrap();
    let mut seen = 0;
    loop {
        match reader.read_next() {
            Ok(Some(found)) => {
                assert!(found.payload == record(seen), "record {seen}; {written:?}");
                seen += 1;
            }
            Ok(None) => return (seen, Ok(())),
            Err(e) => return (seen, Err(e)),
        }
    }
}

#[test]
fn a_log_keeps_what_a_sync_said_it_keeps_whatever_failed_before() {
    each_seed("a log", |mut disk, mut dice| {
        let path = disk.path().join("log");
        let mut written = Written::default();
        let mut log = None;
        for _ in 0..30 {
            let Some(open) = log.as_mut() else {
                if dice.below(3) == 0 {
                    let calls = [Call::Write, Call::Sync, Call::SyncDirectory, Call::Allocate];
                    spoil(&disk, &mut dice, &calls);
                }
                log = opened(&path, &mut written);
                disk.heal();
                if log.is_some() && dice.below(3) == 0 {
                    // All of it is in the page cache, as it was read just now.
                    disk.lose_unsynced();
                    written.history.push("lost".into());
                }
                continue;
            };
            match dice.below(8) {
                0..=3 => {
                    let more = 1 + dice.below(5);
                    written.history.push(format!("append {more}"));
                    for _ in 0..more {
                        match open.append(&record(written.appended)) {
                            Ok(_) => written.appended += 1,
                            Err(e) => written.history.push(format!("{e}")),
                        }
                    }
                    open.publish();
                }
                4 | 5 => match open.sync() {
                    Ok(()) => {
                        written.history.push(format!("synced {}", written.appended));
                        written.synced = written.appended;
                    }
                    Err(e) => {
                        written.history.push(format!("sync: {e}"));
                        // Nothing more through this handle.
                        assert!(open.append(b"x").is_err() && open.sync().is_err());
                        log = None;
                    }
                },
                6 => {
                    written.history.push("dropped".into());
                    log = None;
                }
                _ => {
                    let calls = [Call::Write, Call::Sync, Call::SyncDirectory, Call::Allocate];
                    spoil(&disk, &mut dice, &calls);
                    written.history.push("spoilt".into());
                }
            }
        }
        drop(log);
        disk.power_loss().unwrap();
        written.history.push("power loss".into());
        reboot(&path);
        if written.synced == 0 {
            return;
        }
        let log = AppendLog::open(&path).unwrap_or_else(|e| panic!("{e}; {written:?}"));
        drop(log);
        let (left, _) = count(&path, &written);
        assert!(left >= written.synced, "{left} records are left; {written:?}");
    });
}

/// A configuration of any length.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Bytes([u8]);

impl Bytes {
    fn of(bytes: &[u8]) -> &Self {
        Self::ref_from_bytes(bytes).unwrap()
    }
}

impl Shared for Bytes {
    const FORMAT: u64 = 1;

    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A file under its name is a whole one: the old or the new.
fn is_whole(path: &Path, possible: &BTreeSet<Vec<u8>>) -> Option<Vec<u8>> {
    let found = std::fs::read(path).ok()?;
    assert!(possible.contains(&found), "{} bytes, and they are no version", found.len());
    Some(found)
}

fn version(number: u64) -> Vec<u8> {
    vec![number as u8 + 1; 2000 + (number * 1777 % 20_000) as usize]
}

/// Replaces a file again and again with `put`, while the disk fails.
fn replaced(name: &'static str, put: impl Fn(&PathBuf, &[u8]) -> bool) {
    each_seed(name, |mut disk, mut dice| {
        let path = disk.path().join("file");
        let mut possible = BTreeSet::new();
        let mut kept = None;
        for number in 0..12 {
            disk.heal();
            disk.set_short(dice.below(3) == 0);
            let calls = [Call::Write, Call::Sync, Call::SyncDirectory, Call::Create, Call::Rename];
            match dice.below(3) {
                0 => spoil(&disk, &mut dice, &calls),
                1 => disk.set_room(dice.below(30_000)),
                _ => {}
            }
            possible.insert(version(number));
            if put(&path, &version(number)) {
                kept = Some(version(number));
                assert_eq!(is_whole(&path, &possible), kept, "it was said to be there");
                possible = BTreeSet::from([version(number)]);
            }
            disk.heal();
            is_whole(&path, &possible);
            let names = std::fs::read_dir(disk.path()).unwrap().count();
            assert!(names <= 1, "a temporary file is left");
        }
        disk.power_loss().unwrap();
        let left = is_whole(&path, &possible);
        assert!(left.is_some() || kept.is_none(), "what was kept is gone");
    });
}

#[test]
fn a_configuration_is_the_old_or_the_new_one_also_after_the_power_was_lost() {
    replaced("a configuration", |path, bytes| publish_file(path, Bytes::of(bytes)).is_ok());
}

#[test]
fn persisted_scratch_is_whole_or_absent_also_after_the_power_was_lost() {
    replaced("persisted scratch", |path, bytes| {
        let mut scratch = Scratch::options().memory_max(1 << 20).create().unwrap();
        scratch.append(bytes).unwrap();
        scratch.persist(path).is_ok()
    });
}

#[test]
fn scratch_gives_its_bytes_back_or_an_error() {
    each_seed("scratch", |disk, mut dice| {
        disk.set_short(dice.below(2) == 0);
        let options = Scratch::options().memory_max(4 << 20).spill_directory(disk.path());
        let mut scratch = options.create().unwrap();
        let mut expected = Vec::new();
        for step in 0..24u8 {
            if dice.below(4) == 0 {
                spoil(&disk, &mut dice, &[Call::Write, Call::Read, Call::Create]);
            }
            if dice.below(8) == 0 {
                disk.set_room(dice.below(8 << 20));
            }
            let bytes = vec![step; 700_000 + step as usize];
            if scratch.append(&bytes).is_ok() {
                expected.extend_from_slice(&bytes);
            }
            disk.heal();
            assert_eq!(scratch.len(), expected.len() as u64, "an append is whole or nothing");
        }
        let mut found = vec![0; expected.len()];
        let mut done = 0;
        while done < found.len() {
            if dice.below(2) == 0 {
                spoil(&disk, &mut dice, &[Call::Read]);
            }
            let piece = (found.len() - done).min(1 << 20);
            match scratch.read_at(&mut found[done..done + piece], done as u64) {
                Ok(n) => done += n,
                Err(_) => disk.heal(),
            }
        }
        assert!(found == expected, "other bytes than were appended");
    });
}
