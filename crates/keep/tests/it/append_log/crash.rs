//! A writer that is killed at any moment.

use std::path::Path;
use std::time::{Duration, Instant};

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_testing::child::{TestChild, role};

use super::text::{count_sound, mix, record, seed};

/// Kills on one log, before the next begins.
const KILLS_PER_LOG: u64 = 20;

/// The child: appends for ever, and says after each publication how many records there are.
#[test]
fn child_writes_until_killed() {
    let Some(role) = role() else { return };
    let (seed, from) = (role[1].parse().unwrap(), role[2].parse().unwrap());
    let mut log = AppendLog::open(&role[0]).unwrap();
    for number in from.. {
        log.append(&record(seed, number)).unwrap();
        match mix(number ^ seed) % 16 {
            0 => log.sync().unwrap(),
            1..8 => drop(log.publish()),
            _ => continue,
        }
        println!("published {}", number + 1);
    }
}

#[test]
fn killed_at_random_moments_the_writer_loses_nothing_published() {
    let kills: u64 =
        std::env::var("CUTWATER_KILLS").ok().and_then(|s| s.parse().ok()).unwrap_or(100);
    println!("{kills} kills; more with CUTWATER_KILLS=1000");
    let seed = seed();
    let (mut unpublished, mut records) = (0, 0);
    for first in (0..kills).step_by(KILLS_PER_LOG as usize) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut from = 0;
        for kill in first..kills.min(first + KILLS_PER_LOG) {
            let published = write_and_kill(&path, seed, from, kill);
            let log = AppendLog::open(&path).unwrap();
            assert_eq!(log.recovery().bytes_lost(), 0);
            drop(log);
            let found = count_sound(&mut LogReader::open(&path).unwrap(), seed);
            assert!(
                found >= published,
                "kill {kill}: {published} were published, {found} are there"
            );
            unpublished += found - published;
            from = found;
        }
        records += from;
    }
    println!("{records} records, {unpublished} seen that the killed writer had no time to name");
    assert!(records > 0);
}

/// How many records the child had said were published when it was killed.
fn write_and_kill(path: &Path, seed: u64, from: u64, kill: u64) -> u64 {
    let moment = mix(seed ^ kill);
    let role = [path.to_str().unwrap(), &seed.to_string(), &from.to_string()];
    let mut child = TestChild::start("append_log::crash::child_writes_until_killed", &role);
    let mut published = from;
    for _ in 0..moment % 40 {
        published = child.line("published ").unwrap().parse().unwrap();
    }
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_nanos(moment / 64 % 300_000) {}
    child.kill();
    while let Some(line) = child.line("published ") {
        // The pipe may end in the middle of a number: a shorter one claims less.
        published = published.max(line.parse().unwrap_or(0));
    }
    published
}
