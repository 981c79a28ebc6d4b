//! The ranges that the paths of a cell read: the same for the same seed.
//!
//! | pattern | shape |
//! |---|---|
//! | seq | blocks in ascending order |
//! | rand | blocks in the order of a keyed permutation: none comes twice before all came once |
//! | stride | every eighth block in ascending order; at the end again, one block further on |
//! | jump | ascending; after each block a gap of 4 to 60 KiB in steps of 4 KiB, all equally likely, so 32 KiB on average |
//! | zipf | block of rank r with a weight of r to the power of -1.1; ranks scattered by the permutation |
//!
//! Lists that reach the end of the file begin again at its start.
//!
//! A round needs a [`window`] for each of its slices: ranges that no other slice of the round
//! reads, so that what one path brought into a cache is of no use to the next one.

use std::ops::Range;

use cutwater_lab::{Permutation, SplitMix};

use super::shape::{Cache, Pattern, Shape};

/// Blocks from the start of one read to the next under [`Pattern::Stride`].
pub(super) const STRIDE_BLOCKS: u64 = 8;
/// Exponent of [`Pattern::Zipf`].
pub(super) const ZIPF_EXPONENT: f64 = 1.1;
/// Gaps of [`Pattern::Jump`], in pages: 1 to this.
const GAP_PAGES_MAX: u64 = 15;
const PAGE: u64 = 4096;
/// Bytes between the windows of cold reads, more than any read-ahead: what one window's reads
/// bring in beyond their end is not in the next window.
const GAP: u64 = 4 << 20;
/// Longest list; at 16 bytes an entry, 64 MiB.
const READS_MAX: u64 = 4 << 20;

/// Ranges of `shape` on a file of `size` bytes, `n` of them.
fn ranges(shape: &Shape, size: u64, seed: u64, n: u64) -> Vec<Range<u64>> {
    let block = shape.block;
    let blocks = (size / block).max(1);
    let order = Permutation::new(blocks, seed);
    let mut random = SplitMix(seed);
    let mut at = 0;
    (0..n)
        .map(|i| {
            let start = match shape.pattern {
                Pattern::Seq => i % blocks * block,
                Pattern::Rand => order.at(i % blocks) * block,
                Pattern::Stride => strided(i, blocks) * block,
                Pattern::Zipf => order.at(zipf_rank(random.unit(), blocks)) * block,
                Pattern::Jump => {
                    let now = if at + block > size { 0 } else { at };
                    at = now + block + (1 + random.next() % GAP_PAGES_MAX) * PAGE;
                    now
                }
            };
            start..start + block
        })
        .collect()
}

/// The ranges of window `index` of `windows`, `n` of them, on a file of `size` bytes.
///
/// Warm windows are consecutive parts of one list over the whole file. Others lie in a region of
/// their own each, as reads near to each other would bring in each other's pages.
pub(super) fn window(
    shape: &Shape,
    size: u64,
    seed: u64,
    n: u64,
    (index, windows): (u64, u64),
) -> Vec<Range<u64>> {
    if shape.cache == Cache::Warm {
        return ranges(shape, size, seed, (index + 1) * n).split_off((index * n) as usize);
    }
    let region = region(shape, size, windows);
    let start = (size / windows * index / PAGE * PAGE).min(size.saturating_sub(region));
    let mut ranges = ranges(shape, region, seed ^ index, n);
    for range in &mut ranges {
        *range = range.start + start..range.end + start;
    }
    ranges
}

/// Bytes of a region; a window reads a part of it.
fn region(shape: &Shape, size: u64, windows: u64) -> u64 {
    let share = size / windows / PAGE * PAGE;
    share.saturating_sub(if share > 2 * GAP { GAP } else { share / 4 }).max(shape.block.min(size))
}

/// Whether the reads of one window leave the others as they are. Where the file is too small for that, it has
/// to be brought into its state before each of them.
pub(super) fn windows_are_apart(shape: &Shape, size: u64, windows: u64) -> bool {
    shape.cache == Cache::Warm || size / windows >= region(shape, size, windows) + GAP
}

/// How many reads a window may have.
pub(super) fn window_max(shape: &Shape, size: u64, windows: u64) -> u64 {
    match shape.cache {
        Cache::Warm => (READS_MAX / windows).max(1),
        _ => distinct(shape, region(shape, size, windows)),
    }
}

/// How many reads a list may have before it comes to bytes that it has read: what bounds a
/// cell that is to be cold.
fn distinct(shape: &Shape, size: u64) -> u64 {
    let blocks = (size / shape.block).max(1);
    match shape.pattern {
        _ if shape.cache == Cache::Warm => READS_MAX,
        Pattern::Seq | Pattern::Rand | Pattern::Stride | Pattern::Zipf => blocks.min(READS_MAX),
        Pattern::Jump => (size / (shape.block + GAP_PAGES_MAX * PAGE)).clamp(1, READS_MAX),
    }
}

/// The `i`-th block of laps in steps of [`STRIDE_BLOCKS`], each lap one block further on.
fn strided(i: u64, blocks: u64) -> u64 {
    let i = i % blocks;
    // Lap k has the blocks k, k + 8, k + 16...; the first `longer` laps have one more.
    let (each, longer) = (blocks / STRIDE_BLOCKS, blocks % STRIDE_BLOCKS);
    let in_longer = longer * (each + 1);
    let (lap, step) = if i < in_longer {
        (i / (each + 1), i % (each + 1))
    } else {
        (longer + (i - in_longer) / each, (i - in_longer) % each)
    };
    lap + step * STRIDE_BLOCKS
}

/// A rank from 0 on, from a uniform `u` in [0, 1): the inverse of the bounded Pareto
/// distribution, which is Zipf's with its steps smoothed.
fn zipf_rank(u: f64, blocks: u64) -> u64 {
    let power = 1.0 - ZIPF_EXPONENT;
    let largest = (blocks as f64 + 1.0).powf(power);
    let rank = (1.0 + u * (largest - 1.0)).powf(1.0 / power);
    (rank as u64).saturating_sub(1).min(blocks - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shape(pattern: Pattern, block: u64) -> Shape {
        Shape { cache: Cache::Cold, pattern, block, depth: 1, threads: 1 }
    }

    #[test]
    fn every_range_lies_in_the_file_and_the_seed_decides_all() {
        for &pattern in Pattern::ALL {
            for (block, size) in
                [(4096, 1 << 20), (4096, 5000), (1 << 20, (7 << 20) + 5), (1000, 99_999)]
            {
                let shape = shape(pattern, block);
                let list = ranges(&shape, size, 9, 3000);
                assert_eq!(list.len(), 3000);
                assert!(list.iter().all(|r| r.end <= size && r.end - r.start == block), "{shape}");
                assert_eq!(list, ranges(&shape, size, 9, 3000), "{shape}");
                assert_eq!(list[..100], ranges(&shape, size, 9, 100), "{shape}");
            }
        }
        let rand = shape(Pattern::Rand, 4096);
        assert_ne!(ranges(&rand, 1 << 20, 1, 50), ranges(&rand, 1 << 20, 2, 50));
    }

    #[test]
    fn a_cold_list_reads_nothing_twice() {
        for pattern in [Pattern::Seq, Pattern::Rand, Pattern::Stride, Pattern::Jump] {
            for size in [1 << 20, 4096 * 77, 4096] {
                let shape = shape(pattern, 4096);
                let n = distinct(&shape, size);
                let list = ranges(&shape, size, 3, n);
                let starts: HashSet<_> = list.iter().map(|r| r.start).collect();
                assert_eq!(starts.len() as u64, n, "{shape} of {size}");
            }
        }
    }

    #[test]
    fn windows_share_no_block_and_cold_ones_keep_their_distance() {
        let (size, windows) = (1 << 30, 12);
        for pattern in [Pattern::Seq, Pattern::Rand, Pattern::Stride, Pattern::Jump] {
            for cache in [Cache::Warm, Cache::Cold] {
                let shape = Shape { cache, ..shape(pattern, 4096) };
                let n = window_max(&shape, size, windows).min(500);
                let all: Vec<_> =
                    (0..windows).map(|i| window(&shape, size, 3, n, (i, windows))).collect();
                let mut starts: Vec<_> = all.iter().flatten().map(|r| r.start).collect();
                starts.sort_unstable();
                assert!(starts.windows(2).all(|w| w[0] != w[1]), "{shape}");
                assert!(all.iter().flatten().all(|r| r.end <= size), "{shape}");
                let ends = all.iter().map(|w| w.iter().map(|r| r.end).max().unwrap());
                let next = all[1..].iter().map(|w| w.iter().map(|r| r.start).min().unwrap());
                let apart = ends.zip(next).all(|(end, start)| end + GAP <= start);
                assert!(cache == Cache::Warm || apart, "{shape}");
            }
        }
    }

    #[test]
    fn windows_are_apart_in_a_large_file_and_not_in_a_small_one() {
        let apart = |size| windows_are_apart(&shape(Pattern::Rand, 4096), size, 12);
        assert!(apart(1 << 30) && !apart(16 << 20) && !apart(4096));
    }

    #[test]
    fn a_file_of_few_blocks_has_windows_too() {
        let shape = shape(Pattern::Rand, 1 << 20);
        for size in [1 << 20, 3 << 20, 16 << 20] {
            let n = window_max(&shape, size, 12);
            assert!(n >= 1);
            for i in 0..12 {
                let window = window(&shape, size, 1, n, (i, 12));
                assert!(window.iter().all(|r| r.end <= size), "{size}: {window:?}");
            }
        }
    }

    #[test]
    fn jumps_are_32_kib_on_average() {
        let list = ranges(&shape(Pattern::Jump, 4096), 1 << 30, 5, 5000);
        let gaps: u64 = list.windows(2).map(|w| w[1].start - w[0].end).sum();
        let mean = gaps as f64 / (list.len() - 1) as f64;
        assert!((mean - 32_768.0).abs() < 1000.0, "{mean}");
    }

    #[test]
    fn zipf_prefers_few_blocks() {
        let list = ranges(&shape(Pattern::Zipf, 4096), 1 << 28, 5, 20_000);
        let mut times = std::collections::HashMap::<u64, u32>::new();
        for range in &list {
            *times.entry(range.start).or_default() += 1;
        }
        let mut times: Vec<_> = times.into_values().collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let head: u32 = times.iter().take(100).sum();
        assert!(head > 10_000, "the 100 hottest of 65,536 blocks have {head} of 20,000 reads");
        assert!(times.len() > 2000, "{}", times.len());
    }
}
