//! Servers: the echo server of `cutwater-rt` against itself, by the code of the suite `net`.

use cutwater_lab::{Better, Sample, interleave};

use super::{Measured, Pair};
use crate::args::ProofArgs;
use crate::net::{Bench, Cell, OURS, Transport};

/// Rounds, and seconds of a slice: a comparison takes less than 15 s.
const ROUNDS: usize = 12;
const SLICE_SECONDS: f64 = 0.25;
/// Sizes and connections, which follow each other.
const CELLS: [Cell; 2] = [
    Cell { transport: Transport::Plain, bytes: 4096, connections: 64 },
    Cell { transport: Transport::Plain, bytes: 64, connections: 1 },
];

/// The load generator with what it compares.
pub(super) struct Servers {
    bench: Bench,
    seconds: f64,
    seed: u64,
    slow: f64,
}

impl Servers {
    pub(super) fn new(args: &ProofArgs) -> Result<Self, String> {
        let seconds = args.time.unwrap_or(SLICE_SECONDS);
        Ok(Self { bench: Bench::new()?, seconds, seed: args.seed, slow: args.slow })
    }
}

impl Pair for Servers {
    fn measure(&mut self, index: usize) -> Result<Measured, String> {
        let cell = &CELLS[index % CELLS.len()];
        let seed = self.seed.wrapping_add(index as u64);
        let sides = interleave(&["first", "second"], ROUNDS, seed, |side| {
            let slow = if side == 1 { self.slow } else { 0.0 };
            let load = self.bench.slice(OURS, cell, self.seconds, slow)?;
            Ok(Sample { value: load.cpu_ns / 1e3, right: load.right })
        });
        Ok(Measured {
            cell: format!("{}-cpu", cell.name()),
            unit: "us/req",
            better: Better::Lower,
            spoiled: 0,
            sides: sides.try_into().map_err(|_| "a side is missing")?,
        })
    }
}
