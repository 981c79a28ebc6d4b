//! Opening a descriptor while few or many others are open.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::descriptors;
use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const MANY: u64 = 66_000;
/// Descriptors besides these.
const OTHERS: u64 = 100;
const OPENS: u32 = 5000;

pub(super) const CLAIM: Claim = Claim {
    id: "fd-table",
    text: "a new descriptor with few open, against with more than 65,535 open",
    claimed_ratio: Some(5.3),
    measure: |bed| {
        let null = File::open("/dev/null").map_err(failed)?;
        let sides = descriptors::with(MANY + OTHERS, || {
            bed.interleave(&["few open", "many open"], "ns", |side| {
                let mut held: Vec<OwnedFd> = Vec::new();
                let others = if side == 1 { MANY } else { 0 };
                for _ in 0..others {
                    held.push(rustix::io::dup(&null).map_err(failed)?);
                }
                let started = Instant::now();
                for _ in 0..OPENS {
                    drop(rustix::io::dup(&null).map_err(failed)?);
                }
                Ok((started.elapsed().as_secs_f64() * 1e9 / f64::from(OPENS), 0))
            })
        })?;
        Ok(Measured::less(sides, |s| {
            let (few, many) = (s[0].median(), s[1].median());
            let word = if many < few { "less" } else { "more" };
            format!(
                "next to {MANY} others a descriptor takes {:.0} ns {word} than the {few:.0} of opening and closing one",
                (many - few).abs()
            )
        }))
    },
};
