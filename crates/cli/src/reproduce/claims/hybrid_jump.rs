//! The chooser beside the best path, by jumps.

use cutwater::{Pattern, ReadPath};

use super::passes::latency;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::places;

pub(super) const CLAIM: Claim = Claim {
    id: "hybrid-jump",
    text: "32 KiB jumps in a cold file: a hybrid is within 1.15 of the better of readv and mmap at p95",
    claimed_ratio: Some(1.0 / 1.15),
    measure: |lab| {
        let path = lab.file(256)?;
        let spots = places(256 << 20, 32 << 10, 400);
        let paths = [ReadPath::Auto, ReadPath::Preadv, ReadPath::Mmap];
        let mut sides = lab.interleave(&["hybrid", "readv", "mmap"], "us at p95", |side| {
            lab.chill(&path)?;
            latency(&path, paths[side], Pattern::Random, 32 << 10, &spots, 0.95)
        })?;
        if sides[2].median() < sides[1].median() {
            sides.swap(1, 2);
        }
        Ok(Measured::less(sides, |s| format!("{} is the best single path here", s[1].name)))
    },
};
