//! The live maps whose faults the handler answers: a fixed table without locks.
//!
//! A slot has a version, which is odd while the slot changes. The handler skips a slot that changes
//! while it reads it. That is never the slot of the map that faulted: the thread that reads a map
//! holds it, and the slot of a held map does not change.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// Most maps that are protected at a time. 4,096 windows of 64 MiB are 256 GiB; the table
/// takes 128 KiB of zero pages; only used ones are touched. A fault scans it in about 10 us.
pub(crate) const SLOTS: usize = 4096;

/// How the handler answers a fault in a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFault {
    /// It ends the copy; only a fault of the copy routine is ours.
    EndCopy,
    /// It puts zeros in place of the rest and poisons the slot; any fault is ours.
    FillZeros,
}

struct Entry {
    version: AtomicUsize,
    start: AtomicUsize,
    /// 0 when the slot is free.
    end: AtomicUsize,
    /// Whether it is [`OnFault::FillZeros`].
    fills_zeros: AtomicBool,
    poisoned: AtomicBool,
}

static TABLE: [Entry; SLOTS] = [const {
    Entry {
        version: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        fills_zeros: AtomicBool::new(false),
        poisoned: AtomicBool::new(false),
    }
}; SLOTS];

/// Slots from this one on were never used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// A registered range; leaves the table when dropped.
#[derive(Debug)]
pub(crate) struct Slot(usize);

impl Slot {
    /// Registers `[start, start + len)`, or nothing when the table is full.
    pub(crate) fn claim(start: usize, len: usize, on_fault: OnFault) -> Option<Self> {
        let at = (0..SLOTS).find(|&at| lock_free_slot(&TABLE[at]))?;
        let entry = &TABLE[at];
        entry.start.store(start, Ordering::Relaxed);
        entry.fills_zeros.store(on_fault == OnFault::FillZeros, Ordering::Relaxed);
        entry.poisoned.store(false, Ordering::Relaxed);
        entry.end.store(start + len, Ordering::Relaxed);
        USED.fetch_max(at + 1, Ordering::Release);
        entry.version.fetch_add(1, Ordering::Release);
        Some(Self(at))
    }

    /// Whether a fault in this range was answered with zeros.
    pub(crate) fn is_poisoned(&self) -> bool {
        TABLE[self.0].poisoned.load(Ordering::Acquire)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let entry = &TABLE[self.0];
        entry.version.fetch_add(1, Ordering::Acquire);
        fence(Ordering::Release);
        entry.end.store(0, Ordering::Relaxed);
        entry.version.fetch_add(1, Ordering::Release);
    }
}

/// Makes a free slot's version odd; false when the slot is taken or changing.
fn lock_free_slot(entry: &Entry) -> bool {
    let version = entry.version.load(Ordering::Acquire);
    if !version.is_multiple_of(2) || entry.end.load(Ordering::Relaxed) != 0 {
        return false;
    }
    let locked = entry
        .version
        .compare_exchange(version, version + 1, Ordering::Acquire, Ordering::Relaxed)
        .is_ok();
    fence(Ordering::Release);
    locked
}

/// A registered range as the handler sees it.
pub(super) struct MapRange {
    slot: usize,
    pub(super) on_fault: OnFault,
    pub(super) end: usize,
}

impl MapRange {
    /// Marks the map, so that its holder throws away what was read.
    pub(super) fn poison(&self) {
        TABLE[self.slot].poisoned.store(true, Ordering::Release);
    }
}

/// The registered range that holds `address`. Async-signal-safe: loads only.
pub(super) fn find(address: usize) -> Option<MapRange> {
    (0..USED.load(Ordering::Acquire)).find_map(|slot| {
        let entry = &TABLE[slot];
        let version = entry.version.load(Ordering::Acquire);
        let start = entry.start.load(Ordering::Relaxed);
        let end = entry.end.load(Ordering::Relaxed);
        let fills_zeros = entry.fills_zeros.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let stable = version.is_multiple_of(2) && entry.version.load(Ordering::Relaxed) == version;
        let on_fault = if fills_zeros { OnFault::FillZeros } else { OnFault::EndCopy };
        (stable && (start..end).contains(&address)).then_some(MapRange { slot, on_fault, end })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that no map has: above the user half.
    const NOWHERE: usize = 1 << 60;

    #[test]
    fn a_slot_is_found_while_it_lives_and_not_after() {
        let slot = Slot::claim(NOWHERE, 4096, OnFault::FillZeros);
        assert!(slot.is_some());
        let found = find(NOWHERE + 4095);
        assert!(
            found
                .as_ref()
                .is_some_and(|f| f.on_fault == OnFault::FillZeros && f.end == NOWHERE + 4096)
        );
        assert!(find(NOWHERE + 4096).is_none());
        assert!(!slot.as_ref().is_some_and(Slot::is_poisoned));
        if let Some(found) = found {
            found.poison();
        }
        assert!(slot.as_ref().is_some_and(Slot::is_poisoned));
        drop(slot);
        assert!(find(NOWHERE).is_none());
    }

    #[test]
    fn claims_from_many_threads_never_share_a_slot() {
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                scope.spawn(move || {
                    for round in 0..2_000 {
                        let start = NOWHERE + thread * (1 << 40) + round * 8192;
                        let slot = Slot::claim(start, 4096, OnFault::EndCopy);
                        assert!(slot.is_some(), "4 slots are in use of {SLOTS}");
                        assert!(find(start + 7).is_some_and(|f| f.end == start + 4096));
                        drop(slot);
                        assert!(find(start).is_none());
                    }
                });
            }
        });
    }
}
