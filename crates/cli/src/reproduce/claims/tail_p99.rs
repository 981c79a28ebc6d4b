//! The slowest hundredth of single reads.

use cutwater::{Pattern, ReadPath};

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
        let sides = lab.interleave(&["mmap", "readv"], "us at p99", |side| {
            latency(&path, paths[side], Pattern::Random, 4096, &spots, 0.99)
        })?;
        Ok(Measured::less(sides, |s| {
            let (map, call) = (s[0].median(), s[1].median());
            let which = if map > call {
                "more than by readv: what a fault on a page's first touch costs shows at this percentile"
            } else {
                "less than by readv, as a copy from a map makes no call"
            };
            format!(
                "at the 99th percentile a read by mmap takes {:.2} us {which}",
                (map - call).abs()
            )
        }))
    },
};
