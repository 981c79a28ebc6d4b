//! How much of the open files is in the page cache, from samples within a budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cutwater_sys::buffer::PAGE_BYTES;

use crate::FileClass;
use crate::file::core::{Core, size_of};
use crate::file::opened;

/// Places of a file that a round asks about.
const PLACES: u64 = 16;
/// Bytes of a place.
const PLACE_BYTES: u64 = 1 << 20;

/// Pages asked about and resident ones among them, by class.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    asked: [AtomicU64; FileClass::COUNT],
    resident: [AtomicU64; FileClass::COUNT],
    /// The resident share in the last round; none if it asked about no page.
    last: Mutex<[Option<f64>; FileClass::COUNT]>,
    state: AtomicU64,
}

impl Sampled {
    /// Pages of `class` asked about, and resident ones among them, so far.
    pub(super) fn pages(&self, class: FileClass) -> (u64, u64) {
        let at = class.index();
        (self.asked[at].load(Ordering::Relaxed), self.resident[at].load(Ordering::Relaxed))
    }

    /// The resident share of `class` in the last round.
    pub(super) fn share(&self, class: FileClass) -> Option<f64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)[class.index()]
    }

    /// Asks about places in all open files, until `budget` is spent.
    pub(super) fn round(&self, budget: Duration) {
        let started = Instant::now();
        let files = opened::live();
        let mut pages = [(0u64, 0u64); FileClass::COUNT];
        let first = self.random() as usize;
        // From another file each time, so that a budget too small for all reaches all.
        for i in 0..files.len() {
            let core = &files[(first.wrapping_add(i)) % files.len()];
            for _ in 0..PLACES {
                if started.elapsed() >= budget {
                    return self.note(&pages);
                }
                let Some((asked, resident)) = self.place(core) else { break };
                let sum = &mut pages[core.class().index()];
                *sum = (sum.0 + asked, sum.1 + resident);
            }
        }
        self.note(&pages);
    }

    fn note(&self, pages: &[(u64, u64); FileClass::COUNT]) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, (asked, resident)) in pages.iter().enumerate() {
            self.asked[at].fetch_add(*asked, Ordering::Relaxed);
            self.resident[at].fetch_add(*resident, Ordering::Relaxed);
            last[at] = (*asked > 0).then(|| *resident as f64 / *asked as f64);
        }
    }

    /// Pages at one place, and resident ones among them; none where residency cannot be asked for.
    fn place(&self, core: &Core) -> Option<(u64, u64)> {
        let page = PAGE_BYTES as u64;
        let size = size_of(&core.fd).ok().filter(|size| *size > 0)?;
        let places = size.div_ceil(PLACE_BYTES);
        let at = (self.random() % places) * PLACE_BYTES;
        let end = (at + PLACE_BYTES).min(size);
        let asked = (end - at).div_ceil(page);
        let resident = core.resident_pages(at..end).ok()?;
        Some((asked, resident.min(asked)))
    }

    /// The next of a fixed sequence that looks random (splitmix64).
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let n = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }
}
