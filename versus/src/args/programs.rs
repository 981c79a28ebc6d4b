//! Arguments of the suites that compare programs.

use std::path::PathBuf;

use super::Common;

/// Arguments of `versus query`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub common: Common,

    /// Lines of the log that is made [default: 4300000; with --quick 430000]
    #[arg(long, value_name = "N")]
    pub lines: Option<u64>,

    /// Ask this NDJSON log, sorted by ts, with method, path, status, bytes and latency_ms,
    /// instead of one that is made
    #[arg(long, value_name = "FILE")]
    pub ndjson: Option<PathBuf>,

    /// Threads of each side
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub threads: u16,

    /// A Python that has DuckDB
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,

    /// Where to put the log, 1.2 GB [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Compare with the answers in FILE, which belong to this number of lines and this seed; where
    /// there is no such file, write DuckDB's
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,

    /// Seed of the log
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `versus logs`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub common: Common,

    /// Only these peers, separated by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// Lines of the logs that are made [default: 4300000; with --quick 430000]
    #[arg(long, value_name = "N")]
    pub lines: Option<u64>,

    /// Read this NDJSON log, with status, level and latency_ms, instead of one that is made
    #[arg(long, value_name = "FILE")]
    pub ndjson: Option<PathBuf>,

    /// A Python that has DuckDB
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,

    /// angle-grinder
    #[arg(long, value_name = "PROGRAM", default_value = "agrind")]
    pub agrind: String,

    /// Where to put the logs, 3 GB [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Seed of the logs
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
