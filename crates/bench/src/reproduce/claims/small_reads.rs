//! What small reads are spent on.

use std::fs::File;
use std::time::Instant;

use cutwater_meter::Checksum;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const MIB: u64 = 16;

pub(super) const CLAIM: Claim = Claim {
    id: "small-reads",
    text: "in 64-byte reads more than 40 % of the time goes to entering the kernel",
    claimed_ratio: None,
    measure: |bed| {
        let path = bed.file(64)?;
        bed.warm(&path)?;
        let file = File::open(&path).map_err(failed)?;
        let blocks = [64 << 10, 64];
        let sides = bed.interleave(&["64 KiB reads", "64-byte reads"], "ns a byte", |side| {
            let (mut buf, mut sum) = (vec![0; blocks[side]], Checksum::new());
            let mut spent = std::time::Duration::ZERO;
            let mut whole = vec![0; 64 << 10];
            for at in (0..MIB << 20).step_by(64 << 10) {
                let started = Instant::now();
                for part in (0..64 << 10).step_by(blocks[side]) {
                    rustix::io::pread(&file, &mut buf, at + part as u64).map_err(failed)?;
                    whole[part..part + blocks[side]].copy_from_slice(&buf);
                }
                spent += started.elapsed();
                sum.add(at, &whole);
            }
            Ok((spent.as_secs_f64() * 1e9 / (MIB << 20) as f64, sum.value()))
        })?;
        let share = 1.0 - sides[0].median() / sides[1].median();
        let why = format!(
            "{:.0} % of the time of a 64-byte read is not there where the same bytes come 64 KiB at a time",
            share * 100.0
        );
        Ok(Measured::fact(sides, share > 0.4, why))
    },
};
