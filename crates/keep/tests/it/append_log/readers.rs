//! Readers in other processes while the writer writes.

use std::time::Duration;

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_testing::child::{TestChild, role};

use super::text::{mix, record, seed};

const READERS: usize = 3;
const RECORDS: u64 = 60_000;

/// The child: reads as records come, and says when it has them all.
#[test]
fn child_reads_along() {
    let Some(role) = role() else { return };
    let (seed, records): (u64, u64) = (role[1].parse().unwrap(), role[2].parse().unwrap());
    let mut reader = LogReader::open(&role[0]).unwrap();
    println!("ready");
    for number in 0..records {
        while !reader.wait(Duration::from_secs(1)).unwrap() {}
        let found = reader.read_next().unwrap().unwrap();
        assert!(found.payload == record(seed, number), "record {number}");
    }
    assert!(reader.read_next().unwrap().is_none());
    println!("read {records}");
}

/// The child: tries to be a second writer.
#[test]
fn child_tries_to_write() {
    let Some(role) = role() else { return };
    println!("locked {}", AppendLog::open(&role[0]).unwrap_err().is_locked());
}

#[test]
fn every_reader_process_sees_every_record_whole_and_in_order() {
    let seed = seed();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let role = [path.to_str().unwrap(), &seed.to_string(), &RECORDS.to_string()];
    let start = |_| TestChild::start("append_log::readers::child_reads_along", &role);
    let mut readers: Vec<TestChild> = (0..READERS).map(start).collect();
    for reader in &mut readers {
        reader.line("ready").unwrap();
    }
    for number in 0..RECORDS {
        log.append(&record(seed, number)).unwrap();
        if mix(seed ^ number).is_multiple_of(5) {
            log.publish();
        }
        if number.is_multiple_of(10_000) {
            // Lets the readers fall asleep.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    log.close().unwrap();
    for reader in &mut readers {
        assert_eq!(reader.line("read ").unwrap(), RECORDS.to_string());
        reader.finish();
    }
}

#[test]
fn a_writer_in_another_process_is_refused_while_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = AppendLog::open(&path).unwrap();
    let mut other =
        TestChild::start("append_log::readers::child_tries_to_write", &[path.to_str().unwrap()]);
    assert_eq!(other.line("locked ").unwrap(), "true");
    other.finish();
    log.close().unwrap();
}
