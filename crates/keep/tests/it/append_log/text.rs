//! Records whose right contents follow from their number.

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_testing::Dice;

/// The first number of `seed`.
pub(crate) fn mix(seed: u64) -> u64 {
    Dice::new(seed).roll()
}

/// A seed from the environment or the clock, printed.
pub(crate) fn seed() -> u64 {
    let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |d| d.as_nanos() as u64);
    let given = std::env::var("CUTWATER_SEED").ok().and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(clock);
    println!("seed {seed}: repeat with CUTWATER_SEED={seed}");
    seed
}

/// What record `number` of the log made with `seed` contains: 0 to 299 bytes and, one in 64,
/// some thousands.
pub(crate) fn record(seed: u64, number: u64) -> Vec<u8> {
    let r = mix(seed ^ number.wrapping_mul(0x1_0001));
    let len = if r.is_multiple_of(64) { 5000 + r / 64 % 9000 } else { r / 64 % 300 };
    (0..len).map(|i| (mix(r ^ (i / 8)) >> (8 * (i % 8))) as u8).collect()
}

/// Appends records `from..to`.
pub(crate) fn fill(log: &mut AppendLog, seed: u64, from: u64, to: u64) {
    for number in from..to {
        log.append(&record(seed, number)).unwrap();
    }
}

/// Reads all there is and checks it against `record`; how many.
pub(crate) fn count_sound(reader: &mut LogReader, seed: u64) -> u64 {
    let mut number = 0;
    while let Some(found) = reader.read_next().unwrap() {
        assert!(found.payload == record(seed, number), "record {number}");
        number += 1;
    }
    number
}
