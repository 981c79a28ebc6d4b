//! One vectored call compared with a loop of reads.

use std::fs::File;
use std::io::IoSliceMut;
use std::time::{Duration, Instant};

use cutwater_meter::Checksum;

use super::passes::failed;
use crate::reproduce::bed::{Gauge, Pass};
use crate::reproduce::claim::{Claim, Measured};

const BLOCK: usize = 16 << 10;
const BLOCKS: usize = 32;

const BYTES: u64 = 64 << 20;

const COLD: Gauge = Gauge { what: "of a cold file", unit: "ms", claimed_ratio: Some(1.03) };

pub(super) const CLAIM: Claim = Claim {
    id: "vectored-seq",
    text: "warm 16 KiB reads in order: one vectored call is faster than a loop of reads",
    claimed_ratio: Some(1.59),
    measure: |bed| {
        let path = bed.file(BYTES >> 20)?;
        bed.warm(&path)?;
        let file = File::open(&path).map_err(failed)?;
        let names = ["vectored", "loop"];
        let sides = bed.interleave(&names, "ms", |side| pass(&file, side == 0))?;
        let cold = bed.beside(COLD, &names, |side| {
            bed.chill(&path)?;
            // Opened again, so that the kernel has learnt nothing of the order of reads.
            pass(&File::open(&path).map_err(failed)?, side == 0)
        })?;
        let measured = Measured::less(sides, |s| {
            let calls = (BYTES / BLOCK as u64) as f64;
            let saved = (s[1].median() - s[0].median()) * 1e3 / calls;
            let word = if saved >= 0.0 { "less" } else { "more" };
            let each = s[1].median() * 1e3 / calls;
            format!(
                "a read that needs no call of its own takes {:.2} us {word} than one by itself, which takes {each:.2}",
                saved.abs()
            )
        });
        Ok(measured.with([cold]))
    },
};

/// Milliseconds to read all of the file.
fn pass(file: &File, vectored: bool) -> Pass {
    let (mut bytes, mut sum) = (vec![0; BLOCK * BLOCKS], Checksum::new());
    let mut spent = Duration::ZERO;
    for at in (0..BYTES).step_by(BLOCK * BLOCKS) {
        let started = Instant::now();
        if vectored {
            let mut parts: Vec<_> = bytes.chunks_mut(BLOCK).map(IoSliceMut::new).collect();
            rustix::io::preadv(file, &mut parts, at).map_err(failed)?;
        } else {
            for (n, part) in bytes.chunks_mut(BLOCK).enumerate() {
                rustix::io::pread(file, part, at + (n * BLOCK) as u64).map_err(failed)?;
            }
        }
        spent += started.elapsed();
        sum.add(at, &bytes);
    }
    Ok((spent.as_secs_f64() * 1e3, sum.value()))
}
