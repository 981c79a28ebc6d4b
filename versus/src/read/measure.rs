//! One cell: a short round to see how fast each side is, one that is only timed, then those that
//! count.

use std::time::{Duration, Instant};

use cutwater_lab::{Better, ROUNDS_MIN, Series, rounds_within};

use super::cells::{Cache, Cell};
use super::data::DataFile;
use super::regions::region_bytes;
use super::slices::{Rounds, Side, Slices};
use crate::harness::pin::Pinned;
use crate::harness::raw::RawCell;
use crate::harness::report::Missing;
use crate::harness::row::Row;
use crate::peers::{Peer, Roster};

/// Bytes that a side reads in the first round, and its reads at least and at most.
const PROBE_BYTES: usize = 8 << 20;
const PROBE_READS: (usize, usize) = (16, 1024);
/// How much longer than warm slices the others are.
const COLD_TIMES: f64 = 4.0;

/// How many rounds to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Budget {
    /// This many.
    Rounds(usize),
    /// As many as fit into a time, at least the fewest that give an interval and at most a number.
    Within(Duration, usize),
}

/// What all cells share.
pub(crate) struct Bench<'a> {
    /// The file.
    pub data: &'a DataFile,
    /// How long a warm slice takes.
    pub seconds: f64,
    /// The seed of the order of reads and sides.
    pub seed: u64,
    /// Whether a cell of n threads gets n cores: otherwise sides that read from a pool of threads
    /// have all cores in a cell of one thread.
    pub pin: bool,
}

/// What was measured of a cell.
pub(crate) struct Measured {
    /// Medians and the ratio.
    pub row: Row,
    /// Sides that dropped out.
    pub missing: Vec<Missing>,
    /// Every sample.
    pub raw: RawCell,
    /// What a reader has to know about it.
    pub note: Option<String>,
}

impl Bench<'_> {
    /// Measures `cell` through all peers. Errors when the cell cannot be made.
    pub(crate) fn cell(
        &self,
        cell: &Cell,
        roster: &Roster,
        budget: Budget,
    ) -> Result<Measured, String> {
        let cores = if self.pin { Some(Pinned::to_last(cell.threads)?) } else { None };
        self.data.warm()?;
        let peers: Vec<&dyn Peer> = roster.peers.iter().map(AsRef::as_ref).collect();
        let probe = self.probe(cell, &peers)?;
        let (running, mut failed): (Vec<_>, Vec<_>) =
            peers.iter().zip(probe).partition(|(_, series)| series.failed.is_none());
        let count = running.len();
        let sides = running.into_iter().map(|(peer, probed)| {
            let reads = self.reads(cell, probed.median().unwrap_or(0.0), count)?;
            Ok(Side { name: peer.name(), peer: *peer, reads, extra: 0 })
        });
        let sides = sides.collect::<Result<Vec<_>, String>>()?;
        let Rounds { mut series, spoiled } = self.rounds(cell, &sides, budget)?;
        drop(cores);
        series.extend(failed.drain(..).map(|(_, series)| series));

        let rounds = series.iter().map(|s| s.values.len() / 2).max().unwrap_or(0);
        let named = |s: &Series| Some(Missing::new(&s.name, s.failed.as_ref()?));
        let name = cell.name();
        let operations = |series: &Series| {
            sides.iter().find(|side| side.name == series.name).map_or(0, |side| side.reads as u64)
        };
        Ok(Measured {
            row: Row::compare(&name, cell.unit(), Better::Higher, roster.ours, &series),
            missing: series.iter().filter_map(named).collect(),
            raw: RawCell::with_operations(&name, cell.unit(), roster.ours, &series, operations),
            note: spoiled_note(&name, spoiled, 2 * rounds * sides.len()),
        })
    }

    /// How fast each of `peers` is, by two short slices.
    pub(crate) fn probe(&self, cell: &Cell, peers: &[&dyn Peer]) -> Result<Vec<Series>, String> {
        let reads = (PROBE_BYTES / cell.block).clamp(PROBE_READS.0, PROBE_READS.1);
        let reads = reads.max(cell.reads_min());
        let sides =
            peers.iter().map(|peer| Side { name: peer.name(), peer: *peer, reads, extra: 0 });
        let sides: Vec<_> = sides.collect();
        Ok(self.slices(cell, &sides, 0).measure(1)?.series)
    }

    /// How many reads a side with this rate makes in a slice, where there are `sides`.
    pub(crate) fn reads(&self, cell: &Cell, rate: f64, sides: usize) -> Result<usize, String> {
        let times = if cell.cache == Cache::Warm { 1.0 } else { COLD_TIMES };
        let wanted = cell.reads_in(self.seconds * times, rate);
        let room = self.room(cell, sides) as usize / cell.block;
        let least = cell.reads_min();
        if room < least {
            return Err("the file is too small for this cell; --size names a larger one".to_owned());
        }
        Ok(wanted.clamp(least, room) / cell.threads * cell.threads)
    }

    /// The rounds of `sides`. Their number is fixed before the first that counts.
    pub(crate) fn rounds(
        &self,
        cell: &Cell,
        sides: &[Side<'_>],
        budget: Budget,
    ) -> Result<Rounds, String> {
        let begun = Instant::now();
        self.slices(cell, sides, 1).measure(1)?;
        let rounds = match budget {
            Budget::Rounds(rounds) => rounds,
            Budget::Within(time, most) => rounds_within(time, begun.elapsed(), ROUNDS_MIN, most),
        };
        self.slices(cell, sides, 2).measure(rounds)
    }

    /// The bytes that a slice can read without reading one twice, where there are `sides`.
    fn room(&self, cell: &Cell, sides: usize) -> u64 {
        match cell.cache {
            Cache::Warm => self.data.bytes(),
            _ => region_bytes(self.data.bytes(), 2 * sides, self.data.read_ahead_max()),
        }
    }

    fn slices<'s>(&'s self, cell: &'s Cell, sides: &'s [Side<'s>], phase: u64) -> Slices<'s> {
        Slices { data: self.data, cell, sides, seed: self.seed.wrapping_add(phase << 56) }
    }
}

fn spoiled_note(cell: &str, spoiled: usize, slices: usize) -> Option<String> {
    (spoiled > 0).then(|| {
        format!("{cell}: {spoiled} of {slices} slices did not find their region in its state")
    })
}
