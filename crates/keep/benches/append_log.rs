//! The append log: records per second of one writer, and how long until a reader process sees a
//! record.
//!
//! `cargo bench -p cutwater-keep --bench append_log [-- --quick]`
//!
//! Promised: 2 million 100-byte records a second, and under 5 us at the median to a reader that
//! spins. Every record is checked by the reader.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater_keep::append_log::{AppendLog, LogReader};
use rustix::time::{ClockId, clock_gettime};

const READER: &str = "CUTWATER_BENCH_READS";
const RECORD_BYTES: usize = 100;
/// Records between two publications, as a busy writer would group them.
const GROUP: usize = 64;

fn main() {
    if let Some(path) = std::env::var_os(READER) {
        return read(Path::new(&path));
    }
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, records, seen) = if quick { (2, 20_000, 200) } else { (9, 1_000_000, 20_000) };
    write(rounds, records);
    latency(seen);
}

/// The same in all processes: `CLOCK_MONOTONIC`.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn write(rounds: usize, records: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut rates = Vec::new();
    for round in 0..rounds {
        let path = dir.path().join(format!("log-{round}"));
        let mut log = AppendLog::open(&path).unwrap();
        let mut payload = [7; RECORD_BYTES];
        let started = Instant::now();
        for i in 0..records {
            payload[..8].copy_from_slice(&(i as u64).to_le_bytes());
            log.append(&payload).unwrap();
            if i % GROUP == GROUP - 1 {
                log.publish();
            }
        }
        log.publish();
        rates.push(records as f64 / started.elapsed().as_secs_f64() / 1e6);
        let mut reader = LogReader::open(&path).unwrap();
        let mut next = 0u64;
        while let Some(record) = reader.read_next().unwrap() {
            assert_eq!(record.payload[..8], next.to_le_bytes());
            next += 1;
        }
        assert_eq!(next, records as u64, "records are missing");
        drop(log);
        std::fs::remove_file(path).unwrap();
    }
    rates.sort_unstable_by(f64::total_cmp);
    let (low, high) = (rates[0], rates[rates.len() - 1]);
    println!(
        "append: {:.2} M records of {RECORD_BYTES} bytes a second ({low:.2} to {high:.2}), published every {GROUP}",
        rates[rates.len() / 2]
    );
}

fn latency(seen: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let reader = Command::new(std::env::current_exe().unwrap())
        .env(READER, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = reader;
    // The reader says when it is there.
    let mut out = reader.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    for _ in 0..seen {
        let pause = Instant::now();
        while pause.elapsed() < Duration::from_micros(20) {
            std::hint::spin_loop();
        }
        let mut payload = [0; RECORD_BYTES];
        payload[..8].copy_from_slice(&now_ns().to_le_bytes());
        log.append(&payload).unwrap();
        log.publish();
    }
    log.append(&[]).unwrap();
    log.publish();
    let mut said = String::new();
    out.read_to_string(&mut said).unwrap();
    assert!(reader.wait().unwrap().success());
    print!("{said}");
}

/// The reading process: spins until the empty record, and prints how old the others were.
fn read(path: &Path) {
    let mut reader = LogReader::open(path).unwrap();
    reader.set_spin(Duration::from_secs(60));
    print!("+");
    std::io::Write::flush(&mut std::io::stdout()).unwrap();
    let mut ages = Vec::with_capacity(1 << 16);
    loop {
        if !reader.wait(Duration::from_secs(10)).unwrap() {
            return println!("no record came within 10 s");
        }
        while let Some(record) = reader.read_next().unwrap() {
            if record.payload.is_empty() {
                ages.sort_unstable();
                let at = |share: usize| ages[(ages.len() - 1) * share / 100] as f64 / 1e3;
                return println!(
                    "seen by another process that spins: {:.2} us median, {:.2} us p90, {:.2} us p99, of {}",
                    at(50),
                    at(90),
                    at(99),
                    ages.len()
                );
            }
            let written = record.payload[..8].try_into().map(u64::from_le_bytes).unwrap();
            ages.push(now_ns().saturating_sub(written));
        }
    }
}
