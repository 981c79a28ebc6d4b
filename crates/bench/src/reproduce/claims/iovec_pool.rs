//! Vectored calls whose arrays come from a pool.

use std::fs::File;
use std::io::IoSliceMut;
use std::time::Instant;

use cutwater_sys::alloc_count::allocations;

use super::passes::failed;
use crate::reproduce::bed::hash_of;
use crate::reproduce::claim::{Claim, Measured};
use cutwater_shell::words::counted;

const CALLS: u64 = 10_000;
const PARTS: usize = 16;
const PART: usize = 256;

pub(super) const CLAIM: Claim = Claim {
    id: "iovec-pool",
    text: "10,000 vectored calls with iovec arrays from a pool allocate less and are faster",
    claimed_ratio: Some(1.56),
    measure: |bed| {
        let file = File::open(bed.file(64)?).map_err(failed)?;
        let mut counts = [0u64; 2];
        let sides = bed.interleave(&["pooled", "allocated"], "us a call", |side| {
            let before = allocations();
            let started = Instant::now();
            let mut bytes = vec![0; PARTS * PART];
            for n in 0..CALLS {
                if side == 1 {
                    bytes = vec![0; PARTS * PART];
                    let mut parts: Vec<_> = bytes.chunks_mut(PART).map(IoSliceMut::new).collect();
                    rustix::io::preadv(&file, &mut parts, n * 4096).map_err(failed)?;
                } else {
                    let mut rest = &mut bytes[..];
                    let parts: &mut [IoSliceMut<'_>; PARTS] = &mut std::array::from_fn(|_| {
                        let (part, after) = std::mem::take(&mut rest).split_at_mut(PART);
                        rest = after;
                        IoSliceMut::new(part)
                    });
                    rustix::io::preadv(&file, parts, n * 4096).map_err(failed)?;
                }
            }
            counts[side] = allocations() - before;
            Ok((started.elapsed().as_secs_f64() * 1e6 / CALLS as f64, hash_of([(0, bytes)])))
        })?;
        Ok(Measured::less(sides, |s| {
            let (few, many) = (counted(counts[0], "allocation"), counts[1]);
            let each = (counts[1] / CALLS).max(1);
            let ns = (s[1].median() - s[0].median()) * 1e3;
            let word = if ns >= 0.0 { "more" } else { "less" };
            let (ns, pooled) = (ns.abs(), s[0].median() * 1e3);
            format!(
                "{few} against {many}; a call with {each} of its own takes {ns:.0} ns {word} than the {pooled:.0} of one with none"
            )
        }))
    },
};
