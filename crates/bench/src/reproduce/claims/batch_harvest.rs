//! Completions taken 32 at a time compared with one at a time.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use cutwater_meter::Checksum;
use cutwater_sys::ring::{ReadRing, ReadTarget, RingConfig};
use cutwater_sys::usage;

use super::passes::failed;
use crate::reproduce::bed::{Gauge, places};
use crate::reproduce::claim::{Claim, Measured};

const BATCH: usize = 32;
const BLOCK: usize = 4096;
const READS: usize = 1024;

const CALLS: Gauge = Gauge { what: "calls of io_uring_enter", unit: "calls", claimed_ratio: None };

pub(super) const CLAIM: Claim = Claim {
    id: "batch-harvest",
    text: "completions taken 32 at a time: 40 % fewer context switches than one at a time",
    claimed_ratio: Some(1.67),
    measure: |bed| {
        let path = bed.file(256)?;
        let spots = places(256 << 20, BLOCK as u64, READS);
        let mut reader = Reader::new(&path)?;
        let names = ["32 at a time", "one at a time", "one at a time, replaced at once"];
        let (sides, calls) = bed.interleave_with(&names, "switches", [CALLS], |side| {
            bed.chill(&path)?;
            rustix::fs::fadvise(&*reader.file, 0, None, rustix::fs::Advice::Random)
                .map_err(failed)?;
            let (before, entered) = (usage::thread(), reader.ring.enters());
            let hash = match side {
                0 => reader.batches(&spots, BATCH),
                1 => reader.batches(&spots, 1),
                _ => reader.replacing(&spots),
            }?;
            let used = usage::thread().since(before);
            let calls = reader.ring.enters() - entered;
            Ok((used.voluntary_switches as f64, [calls as f64], hash))
        })?;
        let measured = Measured::less(sides, |s| {
            let [all, one, flow] = [0, 1, 2].map(|side: usize| s[side].median());
            format!(
                "{READS} reads, {BATCH} in flight: {all} context switches where all {BATCH} completions are waited for and taken at once, {one} where each is waited for and taken by itself, {flow} where another read takes its place at once"
            )
        });
        Ok(measured.with(calls))
    },
};

/// A ring with room for one batch.
struct Reader {
    ring: ReadRing,
    file: Arc<OwnedFd>,
}

impl Reader {
    fn new(path: &Path) -> Result<Self, String> {
        let file = Arc::new(File::open(path).map_err(failed)?.into());
        let mut ring =
            ReadRing::new(&RingConfig::default()).map_err(|e| format!("no io_uring here: {e}"))?;
        ring.cut(BLOCK).map_err(failed)?;
        Ok(Self { ring, file })
    }

    fn push(&mut self, slot: usize, at: u64) -> Result<(), String> {
        let target = ReadTarget::Fd(Arc::clone(&self.file));
        let pushed = self.ring.push(slot as u32, 0, BLOCK, &target, at, false);
        pushed.map_err(|e| format!("{e:?}"))
    }

    /// Waits for `count` completions and takes as many; the slots.
    fn take(&mut self, count: usize) -> Result<Vec<usize>, String> {
        let mut done = Vec::with_capacity(count);
        while done.len() < count {
            self.ring.submit_and_wait(count - done.len()).map_err(failed)?;
            self.ring.reap_some(&mut done, count);
        }
        let slot = |done: cutwater_sys::ring::Completion| {
            done.result.map(|_| done.slot as usize).map_err(failed)
        };
        done.into_iter().map(slot).collect()
    }

    fn add(&self, sum: &mut Checksum, slot: usize, at: u64) {
        sum.add(at, self.ring.bytes(slot as u32).unwrap_or_default());
    }

    /// Batch after batch; of each, `taken` completions at a time are waited for.
    fn batches(&mut self, spots: &[u64], taken: usize) -> Result<u64, String> {
        let mut sum = Checksum::new();
        for batch in spots.chunks(BATCH) {
            for (slot, at) in batch.iter().enumerate() {
                self.push(slot, *at)?;
            }
            while self.ring.in_flight() > 0 {
                for slot in self.take(taken.min(self.ring.in_flight()))? {
                    self.add(&mut sum, slot, batch[slot]);
                }
            }
        }
        Ok(sum.value())
    }

    /// One completion at a time, in whose place the next read goes.
    fn replacing(&mut self, spots: &[u64]) -> Result<u64, String> {
        let (mut sum, mut under_way) = (Checksum::new(), [0; BATCH]);
        let mut rest = spots.iter();
        for (slot, at) in rest.by_ref().take(BATCH).enumerate() {
            under_way[slot] = *at;
            self.push(slot, *at)?;
        }
        while self.ring.in_flight() > 0 {
            for slot in self.take(1)? {
                self.add(&mut sum, slot, under_way[slot]);
                if let Some(at) = rest.next() {
                    under_way[slot] = *at;
                    self.push(slot, *at)?;
                }
            }
        }
        Ok(sum.value())
    }
}
