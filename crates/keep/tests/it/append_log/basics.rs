//! One process.

use std::time::Duration;

use cutwater_keep::append_log::{AppendLog, LogReader, RECORD_LEN_MAX};

use super::text::{count_sound, fill};

#[test]
fn records_come_back_in_order_and_only_when_published() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    fill(&mut log, 7, 0, 100);
    assert!(reader.read_next().unwrap().is_none());
    assert_eq!(log.published(), 4096);
    assert_eq!(log.publish(), log.end());
    assert_eq!(count_sound(&mut reader, 7), 100);
    assert_eq!(reader.position(), log.end());
    log.close().unwrap();
}

#[test]
fn closing_publishes_and_opening_continues() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for round in 0..5 {
        let mut log = AppendLog::open(&path).unwrap();
        assert_eq!(log.recovery().bytes_lost(), 0);
        fill(&mut log, 1, round * 1000, (round + 1) * 1000);
        let end = log.end();
        log.close().unwrap();
        assert_eq!(path.metadata().unwrap().len(), end, "no unused blocks are left");
    }
    assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), 1), 5000);
}

#[test]
fn dropping_the_writer_publishes_nothing_and_loses_nothing_published() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    fill(&mut log, 2, 0, 10);
    log.publish();
    fill(&mut log, 3, 0, 10);
    drop(log);
    let mut log = AppendLog::open(&path).unwrap();
    fill(&mut log, 2, 10, 20);
    log.publish();
    assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), 2), 20);
}

#[test]
fn records_of_every_length_up_to_the_most() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let lengths = [0, 1, 7, 8, 9, 4080, 4096, 65_528, 65_536, 70_000, RECORD_LEN_MAX, 3];
    let bytes: Vec<u8> = (0..RECORD_LEN_MAX).map(|i| (i / 3) as u8).collect();
    let at: Vec<u64> = lengths.map(|len| log.append(&bytes[..len]).unwrap()).to_vec();
    log.append(&[&bytes[..], b"x"].concat()).unwrap_err();
    log.publish();
    let mut reader = LogReader::open(&path).unwrap();
    for (&len, &at) in lengths.iter().zip(&at) {
        let record = reader.read_next().unwrap().unwrap();
        assert_eq!(record.position, at);
        assert!(record.payload == &bytes[..len], "{len} bytes");
    }
    assert!(reader.read_next().unwrap().is_none());
}

#[test]
fn a_reader_goes_to_a_record_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let at: Vec<u64> = (0..9u8).map(|i| log.append(&[i; 50]).unwrap()).collect();
    log.publish();
    let mut reader = LogReader::open(&path).unwrap();
    reader.seek(at[5]).unwrap();
    assert_eq!(reader.read_next().unwrap().unwrap().payload, [5; 50]);
    reader.seek(at[0]).unwrap();
    assert_eq!(reader.read_next().unwrap().unwrap().payload, [0; 50]);
    for bad in [0, 4095, 4097, log.end() + 8, u64::MAX, u64::MAX - 7, 1 << 62] {
        assert!(reader.seek(bad).unwrap_err().is_out_of_bounds(), "{bad}");
    }
    reader.seek(at[1] + 8).unwrap();
    assert!(reader.read_next().unwrap_err().is_corrupt());
    reader.seek(log.end()).unwrap();
    assert!(reader.read_next().unwrap().is_none());
}

#[test]
fn a_second_writer_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = AppendLog::open(&path).unwrap();
    let error = AppendLog::open(&path).unwrap_err();
    assert!(error.is_locked());
    let text = error.to_string();
    assert!(text.contains("log: another writer has it open; a log has one writer"), "{text}");
    drop(log);
    AppendLog::open(&path).unwrap();
}

#[test]
fn what_is_no_log_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    for text in [&b"notes"[..], &[b'x'; 9000], &[0; 8192]] {
        std::fs::write(&path, text).unwrap();
        assert!(LogReader::open(&path).unwrap_err().is_corrupt());
        assert!(AppendLog::open(&path).unwrap_err().is_corrupt());
        assert_eq!(std::fs::read(&path).unwrap(), text);
    }
    assert!(LogReader::open(dir.path().join("none")).unwrap_err().is_not_found());
    assert!(AppendLog::open(dir.path()).unwrap_err().is_not_a_file());
    assert!(AppendLog::open("/dev/null").unwrap_err().is_not_a_file());
}

#[test]
fn a_writer_that_died_while_creating_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for len in [0, 1, 4096] {
        std::fs::write(&path, vec![0; len]).unwrap();
        let mut log = AppendLog::open(&path).unwrap();
        fill(&mut log, 9, 0, 3);
        log.close().unwrap();
        assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), 9), 3);
    }
}

#[test]
fn waiting_ends_with_a_record_or_with_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for wake in [true, false] {
        let options = AppendLog::options().wake(wake);
        let mut log = options.open(&path).unwrap();
        let mut reader = LogReader::open(&path).unwrap();
        reader.set_spin(Duration::ZERO);
        while reader.read_next().unwrap().is_some() {}
        assert!(!reader.wait(Duration::ZERO).unwrap());
        assert!(!reader.wait(Duration::from_millis(1)).unwrap());
        let waiter = std::thread::spawn(move || reader.wait(Duration::from_secs(600)));
        log.append(b"x").unwrap();
        log.publish();
        assert!(waiter.join().unwrap().unwrap());
    }
}
