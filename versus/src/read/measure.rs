//! One cell: a short run of everybody to see how fast this goes, then the interleaved ones.

use std::time::Instant;

use super::cells::{Cache, Cell};
use super::data::DataFile;
use crate::harness::pin::Pinned;
use crate::harness::record::RawCell;
use crate::harness::report::{Missing, Row};
use crate::harness::run::{Sample, Series, interleave};
use crate::peers::{Job, Peer, Roster};

/// Bytes of the short run, and its reads at least and at most.
const PROBE_BYTES: usize = 32 << 20;
const PROBE_READS: (usize, usize) = (16, 2048);

/// What all cells share.
pub(crate) struct Bench<'a> {
    /// The file.
    pub data: &'a DataFile,
    /// Who reads.
    pub roster: &'a Roster,
    /// Rounds.
    pub runs: usize,
    /// What a run takes on average over the peers.
    pub seconds: f64,
    /// Of the order of the reads.
    pub seed: u64,
    /// Whether a cell of n threads gets n cores: else who reads from a pool of threads has
    /// all cores in a cell of one thread.
    pub pin: bool,
}

/// What came of a cell.
pub(crate) struct Measured {
    /// Medians and the ratio.
    pub row: Row,
    /// Who dropped out.
    pub missing: Vec<Missing>,
    /// Every sample.
    pub raw: RawCell,
}

impl Bench<'_> {
    /// Measures `cell`, with rounds until `deadline`. Errors when the cell cannot be made.
    pub(crate) fn cell(&self, cell: &Cell, deadline: Option<Instant>) -> Result<Measured, String> {
        let cores = if self.pin { Some(Pinned::to(cell.threads)?) } else { None };
        self.data.prepare(cell.cache)?;
        let all: Vec<&dyn Peer> = self.roster.peers.iter().map(AsRef::as_ref).collect();
        let probe = (PROBE_BYTES / cell.block).clamp(PROBE_READS.0, PROBE_READS.1);
        let probed = self.rounds(cell, &all, probe, 1, None)?;

        let (running, failed): (Vec<_>, Vec<_>) =
            all.into_iter().zip(probed).partition(|(_, series)| series.failed.is_none());
        let reads = self.reads(cell, probe, running.iter().map(|(_, s)| s));
        let running: Vec<_> = running.into_iter().map(|(peer, _)| peer).collect();
        let mut series = self.rounds(cell, &running, reads, self.runs, deadline)?;
        drop(cores);
        series.extend(failed.into_iter().map(|(_, s)| s));

        let named = |s: &Series| Some(Missing::new(&s.name, s.failed.as_ref()?));
        Ok(Measured {
            row: Row::of(&cell.name(), cell.unit(), cell.better(), self.roster.ours, &series),
            missing: series.iter().filter_map(named).collect(),
            raw: RawCell {
                cell: cell.name(),
                unit: cell.unit(),
                operations: reads as u64,
                samples: series.iter().map(Into::into).collect(),
            },
        })
    }

    /// How many reads make a run take as long as wanted, on average over the peers.
    fn reads<'s>(
        &self,
        cell: &Cell,
        probe: usize,
        series: impl Iterator<Item = &'s Series>,
    ) -> usize {
        let unit = if cell.unit() == "reads/s" { 1.0 } else { cell.block as f64 };
        let times: Vec<_> = series.filter_map(|s| Some(unit / s.median()?.max(1e-9))).collect();
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        let wanted = if mean > 0.0 { (self.seconds / mean) as usize } else { probe };
        let max = cell.reads_max(self.data.bytes());
        wanted.clamp(probe.min(max), max) / cell.threads * cell.threads
    }

    fn rounds(
        &self,
        cell: &Cell,
        peers: &[&dyn Peer],
        reads: usize,
        rounds: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<Series>, String> {
        let job = Job {
            path: self.data.path(),
            spans: cell.spans(reads, self.data.bytes(), self.seed),
            depth: cell.depth,
            threads: cell.threads,
            random: cell.random,
            direct: true,
        };
        let expected = self.data.expected(&job.spans);
        let names: Vec<_> = peers.iter().map(|p| p.name()).collect();
        // No peer's fault: it ends the cell and is not laid at anybody's door.
        let mut unmade = None;
        let series = interleave(&names, rounds, deadline, |index| {
            if cell.cache != Cache::Warm {
                self.data.prepare(cell.cache).inspect_err(|why| unmade = Some(why.clone()))?;
            }
            let outcome = peers[index].run(&job).map_err(|e| e.to_string())?;
            let whole = outcome.tally.bytes == job.bytes();
            let hash_ok = whole && outcome.tally.checksum == expected;
            Ok(Sample { value: cell.value(job.spans.len(), &outcome), hash_ok })
        });
        unmade.map_or(Ok(series), Err)
    }
}
