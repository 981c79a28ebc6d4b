//! The plain twin of every kernel, byte by byte, so that a reader can see that it is right.

use super::JsonStops;
use super::stops::{BlockStops, write_each};

pub(super) fn count_byte(bytes: &[u8], needle: u8) -> u64 {
    bytes.iter().map(|&b| u64::from(b == needle)).sum()
}

pub(super) fn json_stops(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    let compare = |block: &[u8; 64]| {
        let mut found = BlockStops { plain: 0, high: 0 };
        for (at, &byte) in block.iter().enumerate() {
            let bit = 1u64 << at;
            match byte {
                b'"' | b'\\' | 0..0x20 => found.plain |= bit,
                0x80.. => found.high |= bit,
                _ => {}
            }
        }
        found
    };
    out.scan(bytes, high, compare, write_each)
}
