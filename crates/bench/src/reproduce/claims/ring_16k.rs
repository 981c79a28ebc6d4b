//! Thousands of reads in flight: a pool of blocking threads compared with completions.

use cutwater_rt::{Backend, Runtime};
use cutwater_sys::usage;

use super::passes::{failed, quantile};
use super::runtime_reads::read_all;
use crate::reproduce::bed::{Gauge, places};
use crate::reproduce::claim::{Claim, Measured};

const BLOCK: usize = 16 << 10;
const IN_FLIGHT: usize = 4096;

const FIGURES: [Gauge; 3] = [
    Gauge { what: "a read at the median", unit: "us", claimed_ratio: Some(1890.0 / 470.0) },
    Gauge { what: "a read at the 99th percentile", unit: "us", claimed_ratio: None },
    Gauge {
        what: "CPU time of all threads, as a share of one core's",
        unit: "%",
        claimed_ratio: Some(82.0 / 49.0),
    },
];

pub(super) const CLAIM: Claim = Claim {
    id: "ring-16k",
    text: "16 KiB random reads, cold, 4,096 in flight: completions that wake the task, against an epoll-era runtime's pool of threads",
    claimed_ratio: Some(3.8),
    measure: |bed| {
        let path = bed.file(bed.sized(1024, 256))?;
        let spots =
            places(bed.sized(1024, 256) << 20, BLOCK as u64, bed.sized(16_384, 4096) as usize);
        let build = |backend| Runtime::options().backend(backend).build();
        let ring = build(Backend::Ring).map_err(|e| format!("no io_uring here: {e}"))?;
        let runtimes = [ring, build(Backend::Pool).map_err(failed)?];
        let (sides, figures) = bed.interleave_with(&["ring", "pool"], "s", FIGURES, |side| {
            bed.chill(&path)?;
            let before = usage::process();
            let mut reads = read_all(&runtimes[side], &path, BLOCK, &spots, IN_FLIGHT)?;
            let used = usage::process().since(before);
            let [median, tail] = [0.5, 0.99].map(|q| quantile(&mut reads.us, q));
            let cpu = (used.user_ns + used.system_ns) as f64 / 1e9;
            Ok((reads.seconds, [median, tail, 100.0 * cpu / reads.seconds], reads.hash))
        })?;
        let mb = (spots.len() * BLOCK) as f64 / 1e6;
        let measured = Measured::less(sides, |s| {
            format!(
                "{:.0} MB/s by completions against {:.0} by a pool of threads",
                mb / s[0].median(),
                mb / s[1].median()
            )
        });
        Ok(measured.with(figures))
    },
};
