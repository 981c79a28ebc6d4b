//! Which part of the file each slice of a round reads.

use std::ops::Range;

use cutwater_lab::SplitMix;

/// Deals regions of a file of `bytes` to `count` slices: equally long, in a random order, and at
/// least `gap` bytes apart, as far as the file is large enough; half of a small file is gaps.
///
/// A region is cold until its slice begins when the gap is larger than what the kernel reads
/// ahead for the slice before.
pub(super) fn deal(bytes: u64, count: usize, gap: u64, seed: u64) -> Vec<Range<u64>> {
    let (slot, len) = slot_and_region(bytes, count, gap);
    let mut regions: Vec<_> =
        (0..count as u64).map(|n| n * slot).map(|start| start..start + len).collect();
    SplitMix(seed).shuffle(&mut regions);
    regions
}

/// The length of each region.
pub(super) fn region_bytes(bytes: u64, count: usize, gap: u64) -> u64 {
    slot_and_region(bytes, count, gap).1
}

/// From the start of one region to the start of the next, and the length of a region. Both are
/// whole steps, so that regions begin where blocks and pieces do.
fn slot_and_region(bytes: u64, count: usize, gap: u64) -> (u64, u64) {
    let slot = bytes / count.max(1) as u64;
    let step = if slot >= 8 << 20 { 1 << 20 } else { 4096 };
    let slot = slot / step * step;
    (slot, (slot - gap.min(slot / 2)) / step * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_do_not_meet_and_change_places() {
        for (bytes, count) in [(2u64 << 30, 26), (1 << 30, 22), (64 << 20, 4), (16 << 20, 22)] {
            let gap = 16 << 20;
            let mut regions = deal(bytes, count, gap, 1);
            assert!((2..9).any(|seed| deal(bytes, count, gap, seed) != regions));
            regions.sort_by_key(|r| r.start);
            assert_eq!(regions.len(), count);
            assert!(regions.last().unwrap().end <= bytes);
            let slot = bytes / count as u64;
            for two in regions.windows(2) {
                let between = two[1].start - two[0].end;
                assert!(between >= gap.min(slot / 2 - 4096), "{bytes} {count}: {between}");
            }
            assert!(regions.iter().all(|r| r.start.is_multiple_of(4096) && r.end > r.start));
        }
    }
}
