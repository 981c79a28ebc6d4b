//! The chooser compared with the best path, by jumps.

use cutwater::{Pattern, ReadPath};

use super::passes::latency;
use crate::reproduce::bed::places;
use crate::reproduce::claim::{Claim, Measured};

pub(super) const CLAIM: Claim = Claim {
    id: "hybrid-jump",
    text: "32 KiB jumps in a cold file: a hybrid is within 1.15 of the better of readv and mmap at p95",
    claimed_ratio: Some(1.0 / 1.15),
    measure: |bed| {
        let path = bed.file(256)?;
        let spots = places(256 << 20, 32 << 10, 400);
        let paths = [ReadPath::Auto, ReadPath::Preadv, ReadPath::Mmap];
        let sides = bed.interleave(&["hybrid", "readv", "mmap"], "us at p95", |side| {
            bed.chill(&path)?;
            latency(&path, paths[side], Pattern::Random, 32 << 10, &spots, 0.95)
        })?;
        Ok(Measured::less_than_best(sides, |s| {
            format!("{} is the best single path here", s[1].name())
        }))
    },
};
