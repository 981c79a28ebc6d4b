//! Files that are not as they were written.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use cutwater_keep::append_log::{AppendLog, LogReader};

use super::text::{count_sound, fill, record};

const SEED: u64 = 11;
const SMALL: u64 = 6;

fn small_log(path: &Path, records: u64) -> Vec<u8> {
    let mut log = AppendLog::open(path).unwrap();
    fill(&mut log, SEED, 0, records);
    log.close().unwrap();
    std::fs::read(path).unwrap()
}

/// How many of the first records can be read; no other record ever.
fn sound_records(path: &Path) -> u64 {
    let Ok(mut reader) = LogReader::open(path) else { return 0 };
    let mut number = 0;
    while let Ok(Some(found)) = reader.read_next() {
        assert!(number < SMALL, "a record too many");
        assert!(found.payload == record(SEED, number), "a wrong record {number}");
        number += 1;
    }
    number
}

/// A reboot, as the header knows it: another boot wrote it.
fn reboot(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&[0xab; 16], 64).unwrap();
}

#[test]
fn no_spoiled_byte_makes_a_wrong_record_or_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let good = small_log(&path, SMALL);
    assert_eq!(sound_records(&path), SMALL);
    let mut short = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= [1, 0x80, 0xff][at % 3];
        std::fs::write(&path, &bad).unwrap();
        let read = sound_records(&path);
        short += u64::from(read < SMALL);
        if let Ok(log) = AppendLog::open(&path) {
            drop(log);
            sound_records(&path);
        } else {
            assert_eq!(std::fs::read(&path).unwrap(), bad, "refused, so left alone");
        }
        let padding = good[at] == 0;
        assert!(at < 4096 || read < SMALL || padding, "byte {at} is covered by no checksum");
    }
    println!("{} changes, {short} shorten what can be read", good.len());
}

#[test]
fn a_file_cut_at_any_length_is_an_error_of_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let good = small_log(&path, SMALL);
    for len in (0..good.len()).rev() {
        std::fs::write(&path, &good).unwrap();
        let mut reader = LogReader::open(&path).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(len as u64).unwrap();
        let mut number = 0;
        let error = loop {
            match reader.read_next() {
                Ok(Some(found)) => assert!(found.payload == record(SEED, number)),
                Ok(None) => panic!("a clean end after {number} records, cut at {len}"),
                Err(error) => break error,
            }
            number += 1;
        };
        assert!(number < SMALL && error.is_truncated(), "cut at {len}: {error}");
        assert!(error.to_string().contains("truncated to"), "{error}");
        match AppendLog::open(&path) {
            Ok(log) => assert!(len == 0 && log.end() == 4096, "cut at {len}"),
            Err(error) => assert!(error.is_truncated() || error.is_corrupt(), "{error}"),
        }
    }
}

#[test]
fn a_reader_that_waits_learns_that_the_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    small_log(&path, 0);
    let mut reader = LogReader::open(&path).unwrap();
    reader.set_spin(Duration::ZERO);
    let waiter = std::thread::spawn(move || reader.wait(Duration::from_secs(600)));
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert!(waiter.join().unwrap().unwrap_err().is_truncated());
}

#[test]
fn after_a_power_loss_the_checksums_decide_where_the_log_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    fill(&mut log, SEED, 0, 20);
    log.sync().unwrap();
    fill(&mut log, SEED, 20, 30);
    let lost = log.end();
    fill(&mut log, SEED, 30, 40);
    let end = log.publish();
    drop(log);
    // The page with record 30 never reached the device; those after it did.
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 8], lost).unwrap();
    reboot(&path);
    let mut log = AppendLog::open(&path).unwrap();
    let recovery = log.recovery();
    assert!(recovery.rebooted);
    assert_eq!((recovery.end, recovery.published), (lost, Some(end)));
    assert_eq!((recovery.bytes_lost(), recovery.records_checked), (end - lost, 10));
    fill(&mut log, SEED, 30, 35);
    log.close().unwrap();
    assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), SEED), 35);
    // Nothing of the past comes back: the next reboot finds the same.
    reboot(&path);
    assert_eq!(AppendLog::open(&path).unwrap().recovery().bytes_lost(), 0);
    assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), SEED), 35);
}

#[test]
fn a_publication_that_a_dying_writer_half_stored_is_found_by_its_checksums() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let good = small_log(&path, SMALL);
    // A length was stored and its check was not, in either slot.
    for slot in [128, 144] {
        std::fs::write(&path, &good).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0x55; 8], slot + 8).unwrap();
        let seen = sound_records(&path);
        assert!(seen == 0 || seen == SMALL, "the publication of the other slot");
        let log = AppendLog::open(&path).unwrap();
        assert!(!log.recovery().rebooted);
        assert_eq!(log.end(), good.len() as u64);
        assert_eq!(sound_records(&path), SMALL);
    }
}

#[test]
fn synced_bytes_that_are_gone_are_an_error_until_salvage_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let good = small_log(&path, 30);
    for rebooted in [false, true] {
        std::fs::write(&path, &good[..good.len() - 9]).unwrap();
        if rebooted {
            reboot(&path);
        }
        assert!(AppendLog::open(&path).unwrap_err().is_truncated());
        let log = AppendLog::options().salvage(true).open(&path).unwrap();
        assert!(log.recovery().bytes_lost() > 0);
        assert_eq!(log.recovery().records_checked, 29);
        log.close().unwrap();
        assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), SEED), 29);
    }
}
