//! Files registered once compared with files registered for each submission.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use cutwater_sys::ring::{ReadRing, ReadTarget, RingConfig};

use super::passes::failed;
use crate::reproduce::bed::hash_of;
use crate::reproduce::claim::{Claim, Measured};

const READS: u64 = 2000;

pub(super) const CLAIM: Claim = Claim {
    id: "registered-files",
    text: "files registered once with the ring, against registered for each submission",
    claimed_ratio: Some(4.7),
    measure: |bed| {
        let path = bed.file(64)?;
        bed.warm(&path)?;
        let file: Arc<OwnedFd> = Arc::new(File::open(&path).map_err(failed)?.into());
        let mut ring =
            ReadRing::new(&RingConfig::default()).map_err(|e| format!("no io_uring here: {e}"))?;
        ring.cut(4096).map_err(failed)?;
        let sides = bed.interleave(&["once", "each time"], "us a read", |side| {
            let mut place = ring.keep_file(&file).map_err(failed)?;
            let (mut done, mut last) = (Vec::new(), Vec::new());
            let started = Instant::now();
            for n in 0..READS {
                if side == 1 {
                    ring.release_file(place).map_err(failed)?;
                    place = ring.keep_file(&file).map_err(failed)?;
                }
                ring.push(0, 0, 4096, &ReadTarget::Kept(place), n % 1000 * 4096, false)
                    .map_err(|e| format!("{e:?}"))?;
                while ring.in_flight() > 0 {
                    ring.submit_and_wait(1).map_err(failed)?;
                    ring.reap(&mut done);
                }
            }
            let each = started.elapsed().as_secs_f64() * 1e6 / READS as f64;
            last.extend_from_slice(ring.bytes(0).unwrap_or_default());
            Ok((each, hash_of([(0, last)])))
        })?;
        Ok(Measured::less(sides, |s| {
            let (once, each) = (s[0].median(), s[1].median());
            format!(
                "a warm 4 KiB read takes {once:.2} us with the file registered once; to take it out and register it again before each read makes that {each:.2}"
            )
        }))
    },
};
