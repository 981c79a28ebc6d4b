//! Completions taken 32 at a time beside one at a time.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cutwater_meter::Checksum;
use cutwater_sys::ring::{ReadRing, ReadTarget, RingConfig};
use cutwater_sys::usage;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::places;

const BATCH: usize = 32;

pub(super) const CLAIM: Claim = Claim {
    id: "batch-harvest",
    text: "completions taken 32 at a time: 40 % fewer context switches than one at a time",
    claimed_ratio: Some(1.67),
    measure: |lab| {
        let path = lab.file(256)?;
        let spots = places(256 << 20, 4096, 1024);
        let file: Arc<OwnedFd> = Arc::new(File::open(&path).map_err(failed)?.into());
        let mut ring =
            ReadRing::new(&RingConfig::default()).map_err(|e| format!("no io_uring here: {e}"))?;
        ring.cut(4096).map_err(failed)?;
        let mut waits = [0u64; 2];
        let sides = lab.interleave(&["32 at a time", "one at a time"], "switches", |side| {
            lab.chill(&path)?;
            rustix::fs::fadvise(&*file, 0, None, rustix::fs::Advice::Random).map_err(failed)?;
            let mut sum = Checksum::new();
            let before = usage::thread();
            waits[side] = 0;
            for batch in spots.chunks(BATCH) {
                for (slot, at) in batch.iter().enumerate() {
                    let target = ReadTarget::Fd(Arc::clone(&file));
                    ring.push(slot as u32, 0, 4096, &target, *at, false)
                        .map_err(|e| format!("{e:?}"))?;
                }
                let mut done = Vec::new();
                while ring.in_flight() > 0 {
                    let want = if side == 0 { ring.in_flight() } else { 1 };
                    ring.submit_and_wait(want).map_err(failed)?;
                    waits[side] += 1;
                    ring.reap(&mut done);
                }
                for (slot, at) in batch.iter().enumerate() {
                    sum.add(*at, ring.bytes(slot as u32).unwrap_or_default());
                }
            }
            let used = usage::thread().since(before);
            Ok((used.voluntary_switches as f64, sum.value()))
        })?;
        let each = spots.len() as f64 / waits[1].max(1) as f64;
        Ok(Measured::less(sides, |s| {
            let (all, one, reads) = (s[0].median(), s[1].median(), spots.len());
            format!(
                "{one} context switches for {reads} reads where one completion ends a wait, {all} where {BATCH} do; a wait for one brought {each:.1} completions"
            )
        }))
    },
};
