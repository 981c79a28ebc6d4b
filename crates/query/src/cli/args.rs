//! The arguments.

use std::path::PathBuf;

use clap::Parser;
use cutwater_query::output::Format;
use cutwater_shell::logs::LogOptions;
use cutwater_shell::metrics::Address;

use super::memory::Memory;

/// SQL over raw logs, without importing them: DataFusion's SQL on Cutwater's scan.
#[derive(Debug, Clone, Parser)]
#[command(name = "cutwater-query", version, max_term_width = 100)]
#[command(after_help = "EXAMPLES:
  cutwater query 'SELECT status, count(*) FROM log GROUP BY status' access.json
  cutwater query \"SELECT * FROM log WHERE path LIKE '/api/%' LIMIT 10\" '*.json'
  cutwater query --output slow.parquet 'SELECT * FROM log WHERE latency_ms > 500' app.json
  cutwater query 'SELECT _line, _error, _raw FROM log WHERE _error IS NOT NULL' app.json
  cutwater query app.json                                a prompt

Exit codes: 0 answered, 1 failed, 2 wrong query or arguments, 130 ended by Ctrl-C")]
pub(crate) struct Args {
    /// A query, then logs (paths or globs), which are the table log; without a query, a prompt
    #[arg(value_name = "QUERY|FILE")]
    pub(super) words: Vec<String>,

    /// The file that holds the query
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Another table: its name, and its files. Names that end in .parquet, .arrow, .feather or .ipc
    /// are files of that kind, all others are logs
    #[arg(long = "table", value_name = "NAME=GLOB")]
    pub(super) tables: Vec<String>,

    /// How the answer is written: table, csv, tsv, json, ndjson, markdown, arrow, arrow-stream,
    /// parquet; table unless the name of --output says otherwise
    #[arg(long, short = 'o', value_name = "FORMAT")]
    pub(super) out: Option<Format>,

    /// Write the answer to FILE, which appears when it is whole; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Memory of the process, like 512M or 4G; groups, sorted rows and joined tables that do not
    /// fit go to temporary files
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<Memory>,

    /// Where temporary files go, if there are any; otherwise $TMPDIR or /tmp, /var/tmp, or the cache
    /// of the user
    #[arg(long, value_name = "DIR")]
    pub(super) temp: Option<PathBuf>,

    #[command(flatten)]
    pub(super) logs: LogOptions,

    /// Read all of a log even where it is sorted and only a part of it is in the time asked for
    #[arg(long)]
    pub(super) no_seek: bool,

    /// Serve metrics for Prometheus at ADDRESS (HOST:PORT, or a PORT of this host) meanwhile
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<Address>,

    /// No progress bar, and no notes on bad lines
    #[arg(long)]
    pub(super) quiet: bool,
}
