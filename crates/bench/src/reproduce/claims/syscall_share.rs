//! How much of the CPU time of reading is under the entry of the call that reads.

use std::fs::File;
use std::io::IoSliceMut;
use std::path::Path;

use cutwater::ReadPath;
use cutwater_meter::Checksum;
use cutwater_observe::perf::SamplerOptions;

use super::passes::{failed, in_order};
use crate::reproduce::bed::Pass;
use crate::reproduce::claim::{Claim, Measured};
use cutwater_flame::{FlameError, Graph, Recording, Report};

/// Passes of a sample, so that there are enough of them.
const PASSES: usize = 2;
/// A prime, and often enough for passes of a tenth of a second.
const HZ: u32 = 4999;
/// Bytes of one call, and of each of its vectors.
const BLOCK: usize = 1 << 20;
const PART: usize = 64 << 10;

pub(super) const CLAIM: Claim = Claim {
    id: "syscall-share",
    text: "a large cold file read once, in order: the share of CPU samples under io_uring_enter is a 12th of that under readv",
    claimed_ratio: Some(12.0),
    measure: |bed| {
        let path = bed.file(bed.sized(1024, 256))?;
        let names = ["io_uring_enter", "readv"];
        let (mut taken, mut workers) = ([0; 2], 0.0f64);
        let sides = bed.interleave(&names, "% of samples", |side| {
            let (mut graph, mut hash) = (Graph::default(), 0);
            for _ in 0..PASSES {
                bed.chill(&path)?;
                let options = SamplerOptions { hz: HZ, ..SamplerOptions::default() };
                let recording = Recording::start(options).map_err(explained)?;
                let pass = match side {
                    0 => in_order(&path, ReadPath::Uring, BLOCK as u64),
                    _ => by_readv(&path),
                };
                hash = pass?.1;
                graph.add(recording, None);
            }
            let report = graph.report().map_err(explained)?;
            if !report.kernel_frames {
                return Err(report.notes.join("; "));
            }
            taken[side] = report.samples;
            workers = workers.max(share(&report, "io-wq worker"));
            // None seen is less than one.
            let least = 1.0 / report.samples.max(1) as f64;
            Ok((100.0 * share(&report, names[side]).max(least), hash))
        })?;
        Ok(Measured::less(sides, |s| {
            let (ring, calls) = (s[0].median(), s[1].median());
            let worker = 100.0 * workers;
            let (entries, samples) = (taken[0], taken[1]);
            format!(
                "{ring:.0} % of samples are under io_uring_enter ({entries} in the last round) and {calls:.0} % under readv ({samples}); io_uring's workers, whose work would not count as that call's, have at most {worker:.0} %"
            )
        }))
    },
};

fn share(report: &Report, name: &str) -> f64 {
    report.shares.iter().find(|share| share.name == name).map_or(0.0, |share| share.share)
}

/// A pass in order by `readv(2)` itself.
fn by_readv(path: &Path) -> Pass {
    let file = File::open(path).map_err(failed)?;
    let (mut block, mut sum, mut at) = (vec![0; BLOCK], Checksum::new(), 0);
    let started = std::time::Instant::now();
    loop {
        let mut parts: Vec<_> = block.chunks_mut(PART).map(IoSliceMut::new).collect();
        let n = rustix::io::readv(&file, &mut parts).map_err(failed)?;
        if n == 0 {
            return Ok((started.elapsed().as_secs_f64(), sum.value()));
        }
        sum.add(at, &block[..n]);
        at += n as u64;
    }
}

fn explained(e: FlameError) -> String {
    use std::error::Error;
    e.source().map_or_else(|| e.to_string(), |source| format!("{e}: {source}"))
}
