//! The slowest hundredth of single reads.

use cutwater::{Pattern, ReadPath};
use cutwater_sys::usage;

use super::passes::latency;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::places;

pub(super) const CLAIM: Claim = Claim {
    id: "tail-p99",
    text: "the 99th percentile of one warm 4 KiB read is lower by mmap than by readv",
    claimed_ratio: Some(1.43),
    measure: |lab| {
        let path = lab.file(256)?;
        lab.warm(&path)?;
        let spots = places(256 << 20, 4096, 20_000);
        let paths = [ReadPath::Mmap, ReadPath::Preadv];
        let mut faults = [0; 2];
        let sides = lab.interleave(&["mmap", "readv"], "us at p99", |side| {
            let before = usage::thread();
            let pass = latency(&path, paths[side], Pattern::Random, 4096, &spots, 0.99);
            let used = usage::thread().since(before);
            faults[side] = used.minor_faults + used.major_faults;
            pass
        })?;
        Ok(Measured::less(sides, |s| {
            let (map, call, reads) = (s[0].median(), s[1].median(), spots.len());
            let [by_map, by_call] = faults;
            format!(
                "at the 99th percentile a read by mmap takes {map:.2} us and one by readv {call:.2}; {reads} reads took {by_map} page faults by mmap and {by_call} by readv"
            )
        }))
    },
};
