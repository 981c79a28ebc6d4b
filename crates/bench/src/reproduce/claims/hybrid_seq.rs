//! The chooser compared with the best path, in order.

use cutwater::{Pattern, ReadPath};

use super::passes::latency;
use crate::reproduce::claim::{Claim, Measured};

pub(super) const CLAIM: Claim = Claim {
    id: "hybrid-seq",
    text: "1 MiB in order: a hybrid is within 1.08 of the better of mmap and readv at p95",
    claimed_ratio: Some(1.0 / 1.08),
    measure: |bed| {
        let path = bed.file(256)?;
        bed.warm(&path)?;
        let spots: Vec<u64> = (0..256).map(|n| n << 20).collect();
        let paths = [ReadPath::Auto, ReadPath::Mmap, ReadPath::Preadv];
        let sides = bed.interleave(&["hybrid", "mmap", "readv"], "us at p95", |side| {
            latency(&path, paths[side], Pattern::Sequential, 1 << 20, &spots, 0.95)
        })?;
        Ok(Measured::less_than_best(sides, |s| {
            format!("{} is the best single path here", s[1].name())
        }))
    },
};
