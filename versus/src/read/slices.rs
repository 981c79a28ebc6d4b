//! Slices: a few milliseconds of reads through one side, checked.

use std::ops::Range;

use cutwater_lab::{Sample, Series, Slice, SplitMix, interleave_slices};

use super::cells::{Cache, Cell};
use super::data::DataFile;
use super::regions::deal;
use crate::peers::{Job, Peer};

/// How far from half the resident share of a half resident region may be.
const MIXED_SLACK: f64 = 0.05;

/// One side of a comparison.
pub(crate) struct Side<'a> {
    /// Its name in reports.
    pub name: &'a str,
    /// Who reads.
    pub peer: &'a dyn Peer,
    /// Reads of a slice, which its value counts.
    pub reads: usize,
    /// Reads that it makes besides, which its value does not count: a slowdown made by hand.
    pub extra: usize,
}

/// The samples of a few rounds.
pub(crate) struct Rounds {
    /// Of each side.
    pub series: Vec<Series>,
    /// Slices whose region was not in the state of the cell when they began.
    pub spoiled: usize,
}

/// Slices of one cell.
pub(super) struct Slices<'a> {
    pub(super) data: &'a DataFile,
    pub(super) cell: &'a Cell,
    pub(super) sides: &'a [Side<'a>],
    pub(super) seed: u64,
}

impl Slices<'_> {
    /// Measures all sides for a number of rounds. Errors when the file cannot be brought into the
    /// state of the cell, which is no side's fault.
    pub(super) fn measure(&self, rounds: usize) -> Result<Rounds, String> {
        let names: Vec<_> = self.sides.iter().map(|side| side.name).collect();
        let (mut spoiled, mut unmade) = (0, None);
        let (mut prepared, mut regions) = (None, Vec::new());
        let series = interleave_slices(&names, rounds, self.seed, |slice| {
            if prepared != Some(slice.round) {
                prepared = Some(slice.round);
                let made = self.prepare(slice.round);
                regions = made.inspect_err(|why| unmade = Some(why.clone()))?;
            }
            let region = regions.get(slice.place).ok_or("the file is not ready")?;
            spoiled += usize::from(!self.is_ready(region)?);
            self.read(slice, region)
        });
        unmade.map_or(Ok(Rounds { series, spoiled }), Err)
    }

    fn regions(&self, round: usize) -> Vec<Range<u64>> {
        let count = 2 * self.sides.len();
        match self.cell.cache {
            Cache::Warm => vec![0..self.data.bytes(); count],
            Cache::Mixed | Cache::Cold => {
                let gap = self.data.read_ahead_max();
                deal(self.data.bytes(), count, gap, self.seed_of(round, count))
            }
        }
    }

    /// Another seed for each slice, repeated by the seed of the run.
    fn seed_of(&self, round: usize, place: usize) -> u64 {
        SplitMix(self.seed ^ ((round as u64) << 32 | place as u64)).next()
    }

    /// Brings the page cache into the state that the round begins with.
    fn prepare(&self, round: usize) -> Result<Vec<Range<u64>>, String> {
        let regions = self.regions(round);
        if self.cell.cache != Cache::Warm {
            self.data.drop_pages()?;
        }
        if self.cell.cache == Cache::Mixed {
            for (place, region) in regions.iter().enumerate() {
                self.data.warm_half(region, self.seed_of(round, place))?;
            }
        }
        Ok(regions)
    }

    fn is_ready(&self, region: &Range<u64>) -> Result<bool, String> {
        Ok(match self.cell.cache {
            // Checked once for the cell; asking about a large file takes as long as a slice.
            Cache::Warm => true,
            Cache::Mixed => (self.data.resident_share(region)? - 0.5).abs() <= MIXED_SLACK,
            Cache::Cold => self.data.resident_share(region)? == 0.0,
        })
    }

    fn read(&self, slice: Slice, region: &Range<u64>) -> Result<Sample, String> {
        let side = &self.sides[slice.side];
        let seed = self.seed_of(slice.round, slice.place);
        let reads = side.reads + side.extra;
        let range = match self.cell.cache {
            Cache::Warm => stretch(region, reads, self.cell.block, seed),
            Cache::Mixed | Cache::Cold => region.clone(),
        };
        let job = Job {
            path: self.data.path(),
            spans: self.cell.spans(&range, reads, seed),
            depth: self.cell.depth,
            threads: self.cell.threads,
            random: self.cell.random,
            direct: true,
        };
        let outcome = side.peer.run(&job).map_err(|e| e.to_string())?;
        let whole = outcome.tally.bytes == job.bytes();
        let right = whole && outcome.tally.checksum == self.data.expected(&job.spans);
        let counted = job.spans.len().saturating_sub(side.extra);
        Ok(Sample { value: self.cell.value(counted, outcome.elapsed.as_secs_f64()), right })
    }
}

/// A stretch of `range` that holds just as many blocks as are read, somewhere.
///
/// A side that maps the file maps it anew in each slice, and the first read in each 64 KiB then
/// costs a page fault. Reads scattered over a large file would all be such first reads; in a
/// stretch, one of 16 is, as in a pass over the whole file.
fn stretch(range: &Range<u64>, reads: usize, block: usize, seed: u64) -> Range<u64> {
    let block = block as u64;
    let blocks = (range.end - range.start) / block;
    let reads = (reads as u64).min(blocks);
    let start = range.start + SplitMix(!seed).below(blocks - reads + 1) * block;
    start..start + reads * block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_holds_the_blocks_that_are_read_and_moves() {
        let range = 1 << 20..65 << 20;
        let some = stretch(&range, 100, 4096, 1);
        assert_eq!(some.end - some.start, 100 * 4096);
        assert!(
            some.start >= range.start && some.end <= range.end && some.start.is_multiple_of(4096)
        );
        assert_ne!(some, stretch(&range, 100, 4096, 2));
        assert_eq!(stretch(&range, usize::MAX, 4096, 1), range);
    }
}
