//! A copy by the kernel compared with read and write.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_sys::usage;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const MIB: u64 = 100;

pub(super) const CLAIM: Claim = Claim {
    id: "sendfile",
    text: "100 MB copied by the kernel (sendfile) instead of read and write: fewer page faults",
    claimed_ratio: None,
    measure: |bed| {
        let path = bed.file(MIB)?;
        bed.warm(&path)?;
        let target = bed.dir().join("copy");
        let mut faults = [0u64; 2];
        let sides = bed.interleave(&["sendfile", "read and write"], "s", |side| {
            let (mut from, mut to) =
                (File::open(&path).map_err(failed)?, File::create(&target).map_err(failed)?);
            let before = usage::thread();
            let started = Instant::now();
            if side == 0 {
                let mut left = (MIB << 20) as usize;
                while left > 0 {
                    left -= rustix::fs::sendfile(&to, &from, None, left).map_err(failed)?;
                }
            } else {
                let mut buf = vec![0; MIB as usize >> 2 << 20];
                loop {
                    let n = from.read(&mut buf).map_err(failed)?;
                    if n == 0 {
                        break;
                    }
                    to.write_all(&buf[..n]).map_err(failed)?;
                }
            }
            let seconds = started.elapsed().as_secs_f64();
            // Memory that is used again is not faulted in again: the first round is the one that counts.
            faults[side] = faults[side].max(usage::thread().since(before).minor_faults);
            let mut sum = Checksum::new();
            sum.add(0, &std::fs::read(&target).map_err(failed)?);
            Ok((seconds, sum.value()))
        })?;
        if faults[1] == 0 {
            return Err(
                "the copy by read and write faulted no page in, so there is nothing to save".into(),
            );
        }
        let fewer = 1.0 - faults[0] as f64 / faults[1] as f64;
        let why = format!(
            "{} page faults of this process against {} ({:.0} % fewer; claimed 65 %); {:.0} ms against {:.0}",
            faults[0],
            faults[1],
            fewer * 100.0,
            sides[0].median() * 1e3,
            sides[1].median() * 1e3
        );
        Ok(Measured::fact(sides, fewer >= 0.65 * 0.8, why))
    },
};
