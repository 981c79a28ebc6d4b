//! Thousands of reads in flight: a pool of blocking threads beside completions.

use cutwater_rt::{Backend, Runtime};

use super::passes::failed;
use super::runtime_reads::seconds;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::places;

const BLOCK: usize = 16 << 10;

pub(super) const CLAIM: Claim = Claim {
    id: "ring-16k",
    text: "16 KiB random reads, cold, 4,096 in flight: completions that wake the task, against an epoll-era runtime's pool of threads",
    claimed_ratio: Some(3.8),
    measure: |lab| {
        let path = lab.file(lab.sized(1024, 256))?;
        let spots =
            places(lab.sized(1024, 256) << 20, BLOCK as u64, lab.sized(16_384, 4096) as usize);
        let build = |backend| Runtime::builder().backend(backend).build();
        let ring = build(Backend::Ring).map_err(|e| format!("no io_uring here: {e}"))?;
        let runtimes = [ring, build(Backend::Pool).map_err(failed)?];
        let sides = lab.interleave(&["ring", "pool"], "s", |side| {
            lab.chill(&path)?;
            seconds(&runtimes[side], &path, BLOCK, &spots, 4096)
        })?;
        let mb = (spots.len() * BLOCK) as f64 / 1e6;
        Ok(Measured::less(sides, |s| {
            format!(
                "{:.0} MB/s by completions against {:.0} by a pool of threads",
                mb / s[0].median(),
                mb / s[1].median()
            )
        }))
    },
};
