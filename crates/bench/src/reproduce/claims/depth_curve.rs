//! Random reads by depth.

use cutwater::ReadPath;

use super::passes::at_depth;
use crate::reproduce::bed::places;
use crate::reproduce::claim::{Claim, Measured};

pub(super) const CLAIM: Claim = Claim {
    id: "depth-curve",
    text: "4 KiB random reads through io_uring: 128 in flight, against one at a time",
    claimed_ratio: Some(5.8),
    measure: |bed| {
        let path = bed.file(bed.sized(1024, 256))?;
        let spots = places(bed.sized(1024, 256) << 20, 4096, bed.sized(8192, 2048) as usize);
        let depths = [128, 1, 32];
        let sides = bed.interleave(&["depth 128", "depth 1", "depth 32"], "us a read", |side| {
            bed.chill(&path)?;
            let (seconds, hash) =
                at_depth(&path, ReadPath::UringDirect, 4096, &spots, depths[side])?;
            Ok((seconds * 1e6 / spots.len() as f64, hash))
        })?;
        Ok(Measured::less(sides, |s| {
            format!(
                "at depth 32 it is {:.1} times already, and 128 is {:.2} times that",
                s[1].median() / s[2].median(),
                s[1].median() / s[0].median()
            )
        }))
    },
};
