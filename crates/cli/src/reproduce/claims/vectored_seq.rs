//! One vectored call beside a loop of reads.

use std::fs::File;
use std::io::IoSliceMut;
use std::time::Instant;

use cutwater_meter::Checksum;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const BLOCK: usize = 16 << 10;
const BLOCKS: usize = 32;

pub(super) const CLAIM: Claim = Claim {
    id: "vectored-seq",
    text: "warm 16 KiB reads in order: one vectored call is faster than a loop of reads",
    claimed_ratio: Some(1.59),
    measure: |lab| {
        let path = lab.file(64)?;
        lab.warm(&path)?;
        let file = File::open(&path).map_err(failed)?;
        let sides = lab.interleave(&["vectored", "loop"], "ms", |side| {
            let (mut bytes, mut sum) = (vec![0; BLOCK * BLOCKS], Checksum::new());
            let started = Instant::now();
            for at in (0..64 << 20).step_by(BLOCK * BLOCKS) {
                if side == 0 {
                    let mut parts: Vec<_> = bytes.chunks_mut(BLOCK).map(IoSliceMut::new).collect();
                    rustix::io::preadv(&file, &mut parts, at).map_err(failed)?;
                } else {
                    for (n, part) in bytes.chunks_mut(BLOCK).enumerate() {
                        rustix::io::pread(&file, part, at + (n * BLOCK) as u64).map_err(failed)?;
                    }
                }
                sum.add(at, &bytes);
            }
            Ok((started.elapsed().as_secs_f64() * 1e3, sum.value()))
        })?;
        Ok(Measured::less(sides, |s| {
            let calls = f64::from((64u32 << 20) / BLOCK as u32);
            let saved = (s[1].median() - s[0].median()) * 1e3 / calls;
            format!(
                "{saved:.2} us are saved for each read that needs no call of its own, of {:.2}",
                s[1].median() * 1e3 / calls
            )
        }))
    },
};
