//! The slowest hundredth of single reads.

use cutwater::{Pattern, ReadPath};
use cutwater_sys::usage;

use super::passes::{latency_of, open};
use crate::reproduce::bed::places;
use crate::reproduce::claim::{Claim, Measured};

const BLOCK: usize = 4096;

pub(super) const CLAIM: Claim = Claim {
    id: "tail-p99",
    text: "the 99th percentile of one warm 4 KiB read is lower by a warmed mmap than by readv",
    claimed_ratio: Some(1.43),
    measure: |bed| {
        let path = bed.file(256)?;
        bed.warm(&path)?;
        let spots = places(256 << 20, BLOCK as u64, 20_000);
        let paths = [ReadPath::Mmap, ReadPath::Preadv, ReadPath::Mmap];
        let mut faults = [0; 3];
        let names = ["mmap, warmed", "readv", "mmap, first touch"];
        let sides = bed.interleave(&names, "us at p99", |side| {
            let file = open(&path, paths[side], Pattern::Random)?;
            // What is touched once needs no page fault again.
            if side == 0 {
                latency_of(&file, paths[side], BLOCK, &spots, 0.99)?;
            }
            let before = usage::thread();
            let pass = latency_of(&file, paths[side], BLOCK, &spots, 0.99);
            let used = usage::thread().since(before);
            faults[side] = used.minor_faults + used.major_faults;
            pass
        })?;
        Ok(Measured::less(sides, |s| {
            let [warmed, call, first] = [0, 1, 2].map(|side: usize| s[side].median());
            let (reads, [by_warmed, by_call, by_first]) = (spots.len(), faults);
            format!(
                "at the 99th percentile a read by a map that was read before takes {warmed:.2} us and one by readv {call:.2}; {reads} reads took {by_warmed} page faults and {by_call}; by a map that is new, whose pages are resident all the same, {first:.2} us and {by_first}"
            )
        }))
    },
};
