//! Everything that was measured, in the form in which `--json` prints it.
//!
//! `docs/bench.schema.json` documents each key; a test holds the two together.

use std::collections::BTreeMap;

use cutwater_lab::{Comparison, Ratio, Series, Word};
use serde::Serialize;

use super::cache::PageCache;
use super::shape::{Cache, Pattern, Shape};

/// The whole of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Version of Cutwater.
    pub(super) cutwater: &'static str,
    pub(super) host: Host,
    pub(super) file: FileFacts,
    pub(super) settings: Settings,
    pub(super) cells: Vec<Cell>,
    /// Cells of other programs that ran in turn with ours.
    pub(super) peers: Vec<Peer>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) warnings: Vec<Warning>,
    pub(super) summary: Summary,
    /// `auto` beside the best single path in each group, for the mean.
    #[serde(skip)]
    pub(super) of_best: Vec<Comparison>,
    /// Whether a signal ended the measurement early.
    pub(super) interrupted: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Host {
    pub(crate) kernel: String,
    pub(crate) machine: &'static str,
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_bytes: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct FileFacts {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) file_system: String,
    /// The mounted source: a device, mostly.
    pub(super) device: String,
    /// Whether it was made for this measurement.
    pub(super) made: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    /// Of a warm slice, and rounds of a warm cell;
    pub(super) time_ms: f64,
    pub(super) runs: u32,
    /// the same of mixed and cold ones.
    pub(super) cold_time_ms: f64,
    pub(super) cold_runs: u32,
    pub(super) seed: u64,
    pub(super) quick: bool,
    pub(super) drop_caches: bool,
    pub(super) stride_blocks: u64,
    pub(super) zipf_exponent: f64,
}

/// One path in one shape: medians over its slices, if nothing else is said.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    pub(super) path: &'static str,
    pub(super) pattern: Pattern,
    pub(super) cache: Cache,
    pub(super) block: u64,
    pub(super) depth: u32,
    pub(super) threads: u32,
    /// Reads and bytes of each slice.
    pub(super) reads: u64,
    pub(super) bytes: u64,
    pub(super) bytes_per_s: f64,
    pub(super) ops_per_s: f64,
    pub(super) spread: f64,
    /// What the latencies are of: `read` or `batch`.
    pub(super) latency_of: &'static str,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
    pub(super) p999_ns: Option<u64>,
    /// Seconds of a slice, the mean.
    pub(super) user_cpu: f64,
    pub(super) system_cpu: f64,
    pub(super) minor_faults: f64,
    pub(super) major_faults: f64,
    pub(super) voluntary_switches: f64,
    pub(super) involuntary_switches: f64,
    pub(super) syscalls: f64,
    /// `tracepoint` or `counts`.
    pub(super) syscalls_by: &'static str,
    pub(super) sqes_per_enter: Option<f64>,
    pub(super) punts: Option<f64>,
    pub(super) peak_rss: u64,
    pub(super) file_rss: u64,
    pub(super) resident_before: f64,
    pub(super) hash: String,
    pub(super) hash_ok: bool,
    /// Share of the ranges that went through each path; of `auto` only.
    pub(super) chosen: BTreeMap<&'static str, f64>,
    pub(super) reason: Option<String>,
    /// Ratio to the fastest path other than `auto`: the median over the rounds. `None`, like the
    /// next two, if slices began in the wrong state.
    pub(super) of_best: Option<f64>,
    /// The ratio with its interval.
    pub(super) interval: Option<Ratio>,
    /// What the interval says.
    pub(super) word: Option<Word>,
    /// Its slices in the order in which they were read, two for each round.
    pub(super) runs: Vec<RunFacts>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct RunFacts {
    pub(super) seconds: f64,
    pub(super) bytes_per_s: f64,
    pub(super) resident_before: f64,
}

/// An engine of another program in one shape.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) pattern: Pattern,
    pub(super) cache: Cache,
    pub(super) block: u64,
    pub(super) depth: u32,
    pub(super) threads: u32,
    pub(super) reads: u64,
    pub(super) bytes_per_s: f64,
    pub(super) ops_per_s: f64,
    pub(super) spread: f64,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
    pub(super) p999_ns: Option<u64>,
    pub(super) user_cpu: f64,
    pub(super) system_cpu: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Skipped {
    pub(super) what: String,
    pub(super) why: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Warning {
    /// `noisy`, `not-cold`, `not-warm`, `not-mixed`, `hash`, `device-bound`.
    pub(super) kind: &'static str,
    /// The cell or the group of cells.
    pub(super) cell: String,
    pub(super) text: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Summary {
    /// Geometric mean over the groups of how fast `auto` was beside the best single path.
    pub(super) auto_of_best: Option<f64>,
    /// The same with its interval.
    pub(super) auto_interval: Option<Ratio>,
    /// Where it was slowest beside the best.
    pub(super) worst: Option<Worst>,
    pub(super) findings: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Worst {
    pub(super) cell: String,
    pub(super) of_best: f64,
    pub(super) interval: Ratio,
}

impl Cell {
    pub(super) fn shape(&self) -> Shape {
        let &Self { cache, pattern, block, depth, threads, .. } = self;
        Shape { cache, pattern, block, depth, threads }
    }

    /// Whether more than a tenth of its slices began in another state than theirs.
    pub(super) fn is_spoiled(&self) -> bool {
        let is_wrong = |run: &&RunFacts| !PageCache::is_in_state(self.cache, run.resident_before);
        10 * self.runs.iter().filter(is_wrong).count() > self.runs.len()
    }

    /// Bytes per second of each slice.
    pub(super) fn rates(&self) -> Series {
        let values = self.runs.iter().map(|r| r.bytes_per_s).collect();
        Series { values, ..Series::new(self.path) }
    }

    pub(super) fn is_auto(&self) -> bool {
        self.path == cutwater::ReadPath::Auto.name()
    }
}

impl Report {
    /// The cells shape by shape, in the order in which they were measured.
    pub(super) fn groups(&self) -> Vec<(Shape, &[Cell])> {
        self.cells.chunk_by(|a, b| a.shape() == b.shape()).map(|g| (g[0].shape(), g)).collect()
    }

    pub(super) fn cells_of(&self, shape: Shape) -> &[Cell] {
        let group = self.groups().into_iter().find(|(of, _)| *of == shape);
        group.map(|(_, cells)| cells).unwrap_or_default()
    }

    pub(super) fn peers_of(&self, shape: Shape) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(move |p| {
            (p.cache, p.pattern, p.block, p.depth, p.threads)
                == (shape.cache, shape.pattern, shape.block, shape.depth, shape.threads)
        })
    }
}

/// The fastest path of a group that is not `auto`.
pub(super) fn best(cells: &[Cell]) -> Option<&Cell> {
    cells.iter().filter(|c| !c.is_auto()).max_by(|a, b| a.bytes_per_s.total_cmp(&b.bytes_per_s))
}
