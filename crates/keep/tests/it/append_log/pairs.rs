//! Two faults at a time in a log, with and without a reboot: never fewer synced records without an error, and
//! never a wrong one. `CUTWATER_PAIRS` is how many pairs are tried.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_testing::Dice;

use super::text::{fill, record};

const SEED: u64 = 17;
const SYNCED: u64 = 12;
/// Records that were published and not synced, where a log has such.
const MORE: u64 = 4;

#[derive(Debug, Clone, Copy)]
enum Fault {
    Flip { at: usize, bit: u32 },
    Cut { len: usize },
}

impl Fault {
    /// A fault at any byte, half of them in the header, where one byte counts for more.
    fn roll(dice: &mut Dice, len: usize) -> Self {
        let place = |dice: &mut Dice| match dice.below(2) {
            0 => dice.below(168) as usize,
            _ => dice.below(len as u64) as usize,
        };
        match dice.below(5) {
            0 => Self::Cut { len: dice.below(len as u64 - 1) as usize + 1 },
            _ => Self::Flip { at: place(dice), bit: dice.below(8) as u32 },
        }
    }

    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip { at, bit } if at < bytes.len() => bytes[at] ^= 1 << bit,
            Self::Flip { .. } => {}
            Self::Cut { len } => bytes.truncate(len),
        }
    }
}

/// Another boot wrote the log, as its header knows it.
fn reboot(bytes: &mut [u8]) {
    if bytes.len() >= 80 {
        bytes[64..80].fill(0xab);
    }
}

/// The bytes of logs with [`SYNCED`] records that were synced: closed, synced and left open, and with more
/// records after the sync.
fn logs(dir: &Path) -> Vec<Vec<u8>> {
    let make = |name: &str, end: fn(AppendLog)| {
        let path = dir.join(name);
        let mut log = AppendLog::open(&path).unwrap();
        for number in 0..SYNCED {
            fill(&mut log, SEED, number, number + 1);
            log.publish();
        }
        end(log);
        std::fs::read(path).unwrap()
    };
    let closed = make("closed", |log| log.close().unwrap());
    let synced = make("synced", |mut log| log.sync().unwrap());
    let more = make("more", |mut log| {
        log.sync().unwrap();
        fill(&mut log, SEED, SYNCED, SYNCED + MORE);
        log.publish();
    });
    // What was allocated ahead and never written matters no more after the first pages of it.
    let short = |bytes: Vec<u8>| bytes[..bytes.len().min(64 << 10)].to_vec();
    vec![closed, short(synced), short(more)]
}

/// How many records are read before the end or an error; each is right.
fn read(path: &Path) -> (u64, Result<(), cutwater_keep::Error>) {
    let mut reader = match LogReader::open(path) {
        Ok(reader) => reader,
        Err(e) => return (0, Err(e)),
    };
    let mut number = 0;
    loop {
        match reader.read_next() {
            Ok(Some(found)) => assert!(found.payload == record(SEED, number), "record {number}"),
            Ok(None) => return (number, Ok(())),
            Err(e) => return (number, Err(e)),
        }
        number += 1;
        assert!(number <= SYNCED + MORE, "a record too many");
    }
}

/// Writes `bytes`, and checks what a reader and a writer make of them.
fn check(path: &PathBuf, bytes: &[u8], what: &str) -> bool {
    std::fs::write(path, bytes).unwrap();
    let (seen, end) = read(path);
    assert!(seen >= SYNCED || end.is_err(), "{what}: a reader sees {seen} and no error");
    let mut log = match AppendLog::open(path) {
        Ok(log) => log,
        Err(_) => {
            assert!(std::fs::read(path).unwrap() == bytes, "{what}: refused, and changed");
            return false;
        }
    };
    let recovery = log.recovery();
    let appended = log.append(b"after").unwrap();
    log.publish();
    drop(log);
    let mut reader = LogReader::open(path).unwrap();
    let mut before = 0;
    let found = loop {
        match reader.read_next() {
            Ok(Some(record)) if record.position < appended => before += 1,
            Ok(Some(record)) => break record.payload == b"after",
            Ok(None) => break false,
            // A damaged record among those that were kept.
            Err(_) => return true,
        }
    };
    assert!(found && before >= SYNCED, "{what}: {before} are left, {recovery:?}");
    true
}

#[test]
fn two_faults_never_cost_a_synced_record_without_an_error() {
    let pairs: u64 =
        std::env::var("CUTWATER_PAIRS").ok().and_then(|s| s.parse().ok()).unwrap_or(1000);
    println!("{pairs} pairs; more with CUTWATER_PAIRS=1000000");
    let mut dice = Dice::from_env("CUTWATER_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let logs = logs(dir.path());
    let mut opened = 0;
    for pair in 0..pairs {
        let log = dice.below(logs.len() as u64) as usize;
        let faults = [(); 2].map(|()| Fault::roll(&mut dice, logs[log].len()));
        let rebooted = dice.below(2) == 0;
        let mut bytes = logs[log].clone();
        if rebooted {
            reboot(&mut bytes);
        }
        faults.iter().for_each(|fault| fault.apply(&mut bytes));
        let what = format!("pair {pair}, log {log}, {faults:?}, rebooted: {rebooted}");
        opened += u64::from(check(&path, &bytes, &what));
    }
    println!("{opened} were opened for writing, the others were refused and left as they were");
}

/// The header's words that decide where a log ends, each bit with each of them and with the first record.
#[test]
fn no_two_flipped_bits_of_the_header_cost_a_synced_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let closed = &logs(dir.path())[0];
    // Boot, durable length and check, two slots; length, checksum and payload of the first record.
    let places = [64, 71, 79, 80, 81, 88, 95, 128, 129, 136, 144, 145, 152, 4096, 4099, 4101, 4104];
    for (n, &first) in places.iter().enumerate() {
        for &second in &places[n..] {
            for rebooted in [false, true] {
                let mut bytes = closed.clone();
                if rebooted {
                    reboot(&mut bytes);
                }
                bytes[first] ^= 8;
                bytes[second] ^= 16;
                check(&path, &bytes, &format!("{first} and {second}, rebooted: {rebooted}"));
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_published_length_leaves_all_records_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for good in &logs(dir.path())[..2] {
        for at in [128, 129, 136, 143, 144, 145, 152, 159] {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let mut reader = LogReader::open(&path).unwrap();
            for number in 0..SYNCED {
                let found = reader.read_next().unwrap().unwrap();
                assert!(found.payload == record(SEED, number), "record {number}, byte {at}");
            }
            assert!(reader.is_header_damaged(), "byte {at}");
            assert!(reader.read_next().unwrap().is_none(), "byte {at}");
            let log = AppendLog::open(&path).unwrap();
            assert!(log.recovery().header_damaged, "byte {at}");
            assert_eq!(log.recovery().bytes_lost(), 0);
            drop(log);
            assert!(reader.read_next().unwrap().is_none());
            assert!(!reader.is_header_damaged(), "it was made whole");
        }
    }
}

#[test]
fn a_damaged_length_that_may_have_announced_more_is_an_error_after_the_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let more = &logs(dir.path())[2];
    let slot = |at: usize| u64::from_le_bytes(more[at..at + 8].try_into().unwrap());
    let longest = if slot(128) > slot(144) { 128 } else { 144 };
    for at in [longest, longest + 1, longest + 8, longest + 15] {
        let mut bytes = more.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let (seen, end) = read(&path);
        assert!(seen >= SYNCED && end.is_err_and(|e| e.is_corrupt()), "byte {at}: {seen}");
        let log = AppendLog::open(&path).unwrap();
        assert!(log.recovery().header_damaged);
        drop(log);
        assert_eq!(read(&path).0, SYNCED + MORE, "the records themselves say how many there are");
    }
}

/// Nothing was ever synced: the length that is durable is that of an empty log.
#[test]
fn a_damaged_boot_is_no_reboot() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    fill(&mut log, SEED, 0, 300);
    let end = log.publish();
    drop(log);
    let file = File::options().read(true).write(true).open(&path).unwrap();
    for at in [64, 70, 79, 4096, 4110] {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 4], at).unwrap();
    }
    let log = AppendLog::open(&path).unwrap();
    assert_eq!((log.end(), log.recovery().rebooted), (end, false));
}
