//! The files that `cutwater-keep` opens: a log that is damaged in any way is read up to an error and never
//! written over, a salvaged one goes on, and a generation file is taken or refused. The first byte chooses.
#![no_main]

use std::path::Path;

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_keep::shared_config::{Publisher, Shared, zerocopy};
use libfuzzer_sys::fuzz_target;
use zerocopy::{FromBytes, Immutable, KnownLayout};

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Word(u64);

impl Shared for Word {
    const FORMAT: u64 = 1;

    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The records that a reader gives before the end or an error.
fn read(path: &Path) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let Ok(mut reader) = LogReader::open(path) else { return records };
    while let Ok(Some(record)) = reader.read_next() {
        records.push(record.payload.to_vec());
    }
    records
}

/// A log with some records, over which `data` is laid: four bytes each of a place, a length and what is put
/// there, so that most of it stays sound.
fn spoiled(path: &Path, data: &[u8]) -> Vec<u8> {
    let mut log = AppendLog::open(path).expect("a log");
    for number in 0..8u8 {
        log.append(&vec![number; usize::from(number) * 9]).expect("appends");
        if number == 5 {
            log.sync().expect("syncs");
        }
    }
    log.publish();
    drop(log);
    let mut bytes = std::fs::read(path).expect("reads");
    bytes.truncate(8192);
    for change in data.chunks_exact(4) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // Half of the changes are in the words of the header.
        let place = if place % 2 == 0 { place / 2 % 168 } else { place / 2 % bytes.len().max(1) };
        match (change[2], bytes.get_mut(place)) {
            (255, _) => bytes.truncate(place),
            (_, Some(byte)) => *byte = change[3],
            _ => {}
        }
    }
    bytes
}

fn log(dir: &Path, data: &[u8], raw: bool) {
    let path = dir.join("log");
    let bytes = if raw { data.to_vec() } else { spoiled(&path, data) };
    std::fs::write(&path, &bytes).expect("writes");
    let before = read(&path);
    if let Ok(log) = AppendLog::open(&path) {
        drop(log);
        assert!(read(&path).starts_with(&before), "a record is gone");
    } else {
        // A file of zeros becomes a log; whatever is refused stays as it is.
        assert!(std::fs::read(&path).expect("reads") == bytes, "refused and changed");
    }
    if let Ok(mut log) = AppendLog::options().salvage(true).open(&path) {
        log.append(b"after").expect("appends");
        log.publish();
        drop(log);
        let records = read(&path);
        assert_eq!(records.last().map(Vec::as_slice), Some(&b"after"[..]));
    }
}

fuzz_target!(|data: &[u8]| {
    let [choice, data @ ..] = data else { return };
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory");
    match choice % 4 {
        0 | 1 => log(dir.path(), data, false),
        2 => log(dir.path(), data, true),
        _ => {
            let path = dir.path().join("s");
            std::fs::write(dir.path().join("s.generation"), data).expect("writes");
            let Ok(publisher) = Publisher::<Word>::bind(&path) else { return };
            publisher.close().expect("closes");
        }
    }
});
