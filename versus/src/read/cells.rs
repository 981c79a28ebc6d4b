//! The cells of the suite: what is resident, what is read, how deep, on how many threads.

use std::ops::Range;

use cutwater_lab::{Permutation, SplitMix};

use crate::peers::Span;

/// What part of the file is in the page cache before a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// All.
    Warm,
    /// Half, in scattered pieces.
    Mixed,
    /// Nothing.
    Cold,
}

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// What is resident before each round.
    pub cache: Cache,
    /// Bytes of one read.
    pub block: usize,
    /// Whether the offsets have no order.
    pub random: bool,
    /// Reads in flight, over all threads.
    pub depth: usize,
    /// Threads.
    pub threads: usize,
}

/// Block, random, depth.
const SHAPES: [(usize, bool, usize); 4] =
    [(4 << 10, true, 64), (128 << 10, true, 32), (1 << 20, false, 8), (4 << 10, false, 1)];

/// How many threads.
const THREADS: [usize; 2] = [1, 2];

impl Cell {
    /// All of them, in an order that changes the residency of the file seldom.
    pub(crate) fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for cache in [Cache::Warm, Cache::Mixed, Cache::Cold] {
            let shapes = if cache == Cache::Mixed { &SHAPES[..1] } else { &SHAPES[..] };
            for &(block, random, depth) in shapes {
                cells.extend(THREADS.map(|threads| Self { cache, block, random, depth, threads }));
            }
        }
        cells
    }

    /// `cold 4k rand x64 t1`.
    pub(crate) fn name(&self) -> String {
        let cache = match self.cache {
            Cache::Warm => "warm",
            Cache::Mixed => "mixed",
            Cache::Cold => "cold",
        };
        let block = match self.block {
            b if b >= 1 << 20 => format!("{}m", b >> 20),
            b => format!("{}k", b >> 10),
        };
        let order = if self.random { "rand" } else { "seq" };
        format!("{cache} {block} {order} x{} t{}", self.depth, self.threads)
    }

    /// The unit of values: small reads are counted, of large ones the bytes.
    pub(crate) fn unit(&self) -> &'static str {
        if self.block < 64 << 10 { "reads/s" } else { "bytes/s" }
    }

    /// What `reads` reads in `seconds` are worth in the unit.
    pub(crate) fn value(&self, reads: usize, seconds: f64) -> f64 {
        let each = if self.unit() == "reads/s" { 1.0 } else { self.block as f64 };
        reads as f64 * each / seconds.max(1e-9)
    }

    /// How many reads fit into `seconds` at a rate in the unit.
    pub(crate) fn reads_in(&self, seconds: f64, rate: f64) -> usize {
        let each = if self.unit() == "reads/s" { 1.0 } else { self.block as f64 };
        (seconds * rate / each) as usize
    }

    /// The fewest reads of a slice: every lane has two.
    pub(crate) fn reads_min(&self) -> usize {
        2 * self.depth.max(self.threads)
    }

    /// `reads` blocks within `range` of the file, no block twice, so that a cold read stays cold.
    /// `seed` names their order, or where a run of them in order starts. There are fewer where the
    /// range has fewer blocks.
    pub(crate) fn spans(&self, range: &Range<u64>, reads: usize, seed: u64) -> Vec<Span> {
        let block = self.block as u64;
        let blocks = range.end.saturating_sub(range.start) / block;
        let reads = (reads as u64).min(blocks);
        let span = |index| Span { offset: range.start + index * block, len: self.block };
        if self.random {
            let order = Permutation::new(blocks, seed);
            return (0..reads).map(|i| span(order.at(i))).collect();
        }
        let first = SplitMix(seed).below(blocks - reads + 1);
        (first..first + reads).map(span).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_say_the_cell() {
        let names: Vec<_> = Cell::all().iter().map(Cell::name).collect();
        assert_eq!(names.len(), 18);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 18);
        assert!(names.contains(&"mixed 4k rand x64 t2".to_owned()));
        assert!(names.contains(&"cold 1m seq x8 t1".to_owned()));
    }

    #[test]
    fn no_block_is_read_twice_and_the_order_follows_the_seed() {
        for cell in Cell::all() {
            let (range, block) = (3 << 20..67 << 20, cell.block as u64);
            let spans = cell.spans(&range, 40, 7);
            let offsets: HashSet<_> = spans.iter().map(|s| s.offset).collect();
            assert_eq!((spans.len(), offsets.len()), (40, 40), "{}", cell.name());
            let inside = |o: &u64| *o >= range.start && o + block <= range.end;
            assert!(offsets.iter().all(inside), "{}", cell.name());
            assert_eq!(spans, cell.spans(&range, 40, 7));
            assert_ne!(spans, cell.spans(&range, 40, 8), "{}", cell.name());
            let in_order = spans.windows(2).all(|two| two[0].offset + block == two[1].offset);
            assert_eq!(in_order, !cell.random);
            assert_eq!(cell.spans(&range, usize::MAX, 7).len() as u64, (64 << 20) / block);
        }
    }

    #[test]
    fn a_rate_and_its_time_give_the_reads_back() {
        for cell in Cell::all() {
            let rate = cell.value(600, 0.25);
            assert_eq!(cell.reads_in(0.25, rate), 600, "{}", cell.name());
        }
    }
}
