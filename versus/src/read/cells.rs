//! The cells of the suite: what is resident, what is read, how deep, on how many threads.

use crate::harness::report::Better;
use crate::peers::{Outcome, Span};

/// What of the file is in the page cache before a run.
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
    /// What is resident before each run.
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

    /// Of the values: small reads are counted, large ones weighed.
    pub(crate) fn unit(&self) -> &'static str {
        if self.block < 64 << 10 { "reads/s" } else { "bytes/s" }
    }

    /// Rates.
    pub(crate) fn better(&self) -> Better {
        Better::Higher
    }

    /// What an outcome of `reads` reads is worth in the unit.
    pub(crate) fn value(&self, reads: usize, outcome: &Outcome) -> f64 {
        let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
        match self.unit() {
            "reads/s" => reads as f64 / seconds,
            _ => outcome.tally.bytes as f64 / seconds,
        }
    }

    /// The first `reads` spans of a pass over a file of `file_bytes`: no block twice, so that
    /// a cold read stays cold. Random orders are the same for the same `seed`.
    pub(crate) fn spans(&self, reads: usize, file_bytes: u64, seed: u64) -> Vec<Span> {
        let mut blocks: Vec<u64> = (0..file_bytes / self.block as u64).collect();
        let reads = reads.min(blocks.len());
        if self.random {
            let mut rng = SplitMix(seed ^ self.block as u64);
            for i in 0..reads {
                let j = i + (rng.next() % (blocks.len() - i) as u64) as usize;
                blocks.swap(i, j);
            }
        }
        blocks.truncate(reads);
        blocks.iter().map(|b| Span { offset: b * self.block as u64, len: self.block }).collect()
    }

    /// Reads in a whole pass over the file.
    pub(crate) fn reads_max(&self, file_bytes: u64) -> usize {
        (file_bytes / self.block as u64) as usize
    }
}

/// splitmix64.
pub(crate) struct SplitMix(pub u64);

impl SplitMix {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
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
        let cell = Cell::all()[0];
        assert!(cell.random);
        let spans = cell.spans(1000, 8 << 20, 7);
        assert_eq!(spans.len(), 1000);
        assert_eq!(spans.iter().map(|s| s.offset).collect::<HashSet<_>>().len(), 1000);
        assert_eq!(spans, cell.spans(1000, 8 << 20, 7));
        assert_ne!(spans, cell.spans(1000, 8 << 20, 8));
        assert_eq!(cell.spans(usize::MAX, 1 << 20, 7).len(), 256);
    }
}
