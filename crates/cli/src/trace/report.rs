//! What `--json` prints. `docs/trace.schema.json` documents it; a test holds the two together.

use serde::Serialize;

use super::args::Args;
use super::counters::{Counters, Totals};
use super::frames::TailReport;
use super::operation::Operation;
use super::source::{Backend, Source};
use super::tail_graph::TailGraph;
use super::tally::{Row, Tally};
use cutwater_flame as flame;

/// Fields may be added, but are never renamed or removed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    cutwater: &'static str,
    /// The process, where it was named.
    pid: Option<u32>,
    /// The command, where one was started.
    command: Option<Vec<String>>,
    pub(super) seconds: f64,
    pub(super) backend: Backend,
    /// What is missing here, why, and how to get it.
    pub(super) without: Vec<String>,
    /// Events that found no room.
    pub(super) lost: u64,
    pub(super) rows: Vec<RowReport>,
    /// The slowest operations of each kind.
    pub(super) tails: Vec<TailReport>,
    /// What `/proc` counts of the process, without its children.
    pub(super) counters: Totals,
    pub(super) flamegraph: Option<flame::Report>,
    pub(super) off_cpu: Option<flame::OffCpuReport>,
    pub(super) tail_graph: Option<TailGraph>,
}

/// One file and what happened to it; times in nanoseconds.
#[derive(Debug, Serialize)]
pub(super) struct RowReport {
    pub(super) kind: Operation,
    pub(super) path: String,
    pub(super) count: u64,
    pub(super) errors: u64,
    pub(super) bytes: u64,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
    pub(super) p999_ns: Option<u64>,
    pub(super) max_ns: Option<u64>,
}

impl Report {
    pub(super) fn new(
        args: &Args,
        seconds: f64,
        source: &Source,
        counters: &Counters,
        tally: &Tally,
    ) -> Self {
        let (backend, without) = source.backend();
        let command = args.command.iter().map(|word| word.to_string_lossy().into_owned());
        let rows = Operation::ALL.into_iter().flat_map(|kind| {
            tally.rows(kind).into_iter().map(move |(path, row)| RowReport::new(kind, path, row))
        });
        Self {
            cutwater: env!("CARGO_PKG_VERSION"),
            pid: args.pid,
            command: (!args.command.is_empty()).then(|| command.collect()),
            seconds,
            backend,
            without,
            lost: source.lost(),
            rows: rows.collect(),
            tails: Vec::new(),
            counters: counters.since(),
            flamegraph: None,
            off_cpu: None,
            tail_graph: None,
        }
    }
}

impl RowReport {
    fn new(kind: Operation, path: &str, row: &Row) -> Self {
        let quantile = |q| row.latency.quantile(q);
        Self {
            kind,
            path: path.to_owned(),
            count: row.count,
            errors: row.errors,
            bytes: row.bytes,
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            p999_ns: quantile(0.999),
            max_ns: quantile(1.0),
        }
    }
}
