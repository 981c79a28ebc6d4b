//! Reads: the library's own choice of path against itself, by the code of the suite `read`.

use std::time::Duration;

use cutwater_lab::Better;

use super::{Measured, Pair};
use crate::args::ProofArgs;
use crate::harness::pin::Pinned;
use crate::peers::{Cutwater, Peer};
use crate::read::{Bench, Budget, Cell, DataFile, Side, selected};

/// How long the rounds of a comparison take, and their number at most.
const BUDGET: Budget = Budget::Within(Duration::from_secs(8), 120);
/// How long a warm slice takes, as by default in the suite.
const SLICE_SECONDS: f64 = 0.005;

/// The cells in turn, on one file.
pub(super) struct Reads {
    data: DataFile,
    cells: Vec<Cell>,
    seconds: f64,
    seed: u64,
    slow: f64,
}

impl Reads {
    pub(super) fn new(args: &ProofArgs) -> Result<Self, String> {
        let cells = selected(args.cells.as_deref())?;
        let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
        let data = DataFile::make(&dir, args.size.unwrap_or(512) << 20, args.seed)?;
        let seconds = args.time.unwrap_or(SLICE_SECONDS);
        Ok(Self { data, cells, seconds, seed: args.seed, slow: args.slow })
    }
}

impl Pair for Reads {
    fn measure(&mut self, index: usize) -> Result<Measured, String> {
        let cell = &self.cells[index % self.cells.len()];
        let seed = self.seed.wrapping_add(index as u64);
        let bench = Bench { data: &self.data, seconds: self.seconds, seed, pin: true };
        let cores = Pinned::to_last(cell.threads)?;
        self.data.warm()?;
        let both: [&dyn Peer; 2] = [&Cutwater, &Cutwater];
        let probe = bench.probe(cell, &both)?;
        if let Some(why) = probe.iter().find_map(|series| series.failed.clone()) {
            return Err(format!("{}: {why}", cell.name()));
        }
        let rate = probe.iter().filter_map(|series| series.median()).fold(0.0, f64::max);
        let reads = bench.reads(cell, rate, both.len())?;
        let side = |name, extra| Side { name, peer: &Cutwater, reads, extra };
        let extra = (reads as f64 * self.slow / 100.0).round() as usize;
        let sides = [side("first", 0), side("second", extra)];
        let rounds = bench.rounds(cell, &sides, BUDGET)?;
        drop(cores);
        let sides: Result<[_; 2], _> = rounds.series.try_into();
        Ok(Measured {
            cell: cell.name(),
            unit: cell.unit(),
            better: Better::Higher,
            spoiled: rounds.spoiled,
            sides: sides.map_err(|_| "a side is missing")?,
        })
    }
}
