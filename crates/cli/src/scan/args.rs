//! The arguments of `cutwater scan`.

use std::path::PathBuf;

use cutwater_shell::logs::LogOptions;

/// Read logs: formats, fields, counts, errors and times, at the speed of the read paths.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:
  cutwater scan app.log                                  what is in it
  cutwater scan --count --where 'status>=500' *.json     how many
  cutwater scan --fields ts,path,status --csv app.json   chosen fields
  cutwater scan --by status --agg 'count,avg(latency_ms)' app.json
  cutwater scan --last 15m --where 'level=error or status>=500' app.log
  cutwater scan --follow --where 'message~timeout' app.log")]
pub(crate) struct Args {
    /// Logs: paths, globs, or - for standard input; gzip, Zstandard, bzip2, xz and LZ4 are read as
    /// they are
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// Print these fields of each record (a.b for nested JSON, _line for the line)
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    pub(super) fields: Vec<String>,

    /// Only records that meet this: FIELD OP VALUE, joined by `and`, `or`, `not` and parentheses;
    /// OP is = != < <= > >= ~ (contains) !~ =~ (regex) !=~. Several are joined by `and`
    #[arg(long = "where", value_name = "CONDITION")]
    pub(super) conditions: Vec<String>,

    /// Print how many records (without --where: lines) there are
    #[arg(long, conflicts_with_all = ["fields", "top", "by"])]
    pub(super) count: bool,

    /// Print the N most frequent values of FIELD
    #[arg(long, num_args = 2, value_names = ["N", "FIELD"], conflicts_with_all = ["fields", "by"])]
    pub(super) top: Option<Vec<String>>,

    /// Group records by these fields
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', conflicts_with = "fields")]
    pub(super) by: Vec<String>,

    /// What to compute for each group: count, sum(F), avg(F), min(F), max(F)
    #[arg(long, value_name = "MEASURE,...", value_delimiter = ',', requires = "by")]
    pub(super) agg: Vec<String>,

    /// Only the first N records
    #[arg(long, value_name = "N", conflicts_with_all = ["tail", "count", "top", "by"])]
    pub(super) head: Option<usize>,

    /// Only the last N records
    #[arg(long, value_name = "N", conflicts_with_all = ["count", "top", "by"])]
    pub(super) tail: Option<usize>,

    /// Print records as they are added, after those of the last 10 lines (or of --tail N), also
    /// when the log is rotated; end with Ctrl-C
    #[arg(long, conflicts_with_all = ["count", "top", "by", "json", "head", "arrow", "arrow_file"])]
    pub(super) follow: bool,

    /// Print the records of several logs in the order of their times
    #[arg(long, conflicts_with_all = ["count", "top", "by", "follow", "tail", "arrow", "arrow_file"])]
    pub(super) merge: bool,

    /// Only records from this time on: 2026-03-01T10:00, 10:30, yesterday, 2h
    #[arg(long, value_name = "WHEN")]
    pub(super) since: Option<String>,

    /// Only records before this time
    #[arg(long, value_name = "WHEN")]
    pub(super) until: Option<String>,

    /// Only records of the last while before the log's last record: 15m, 2h30m
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["since", "until"])]
    pub(super) last: Option<String>,

    #[command(flatten)]
    pub(super) logs: LogOptions,

    /// A regular expression whose named groups are the fields
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["format", "log_format", "grok"])]
    pub(super) regex: Option<String>,

    /// An nginx log_format string
    #[arg(long, value_name = "STRING", conflicts_with_all = ["format", "grok"])]
    pub(super) log_format: Option<String>,

    /// Write every bad line to FILE: path, line, offset, column, reason, excerpt, by tabs
    #[arg(long, value_name = "FILE")]
    pub(super) errors: Option<PathBuf>,

    /// Exit with 1 when there is a bad line
    #[arg(long)]
    pub(super) strict: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Print fields or groups as comma-separated values
    #[arg(long, conflicts_with_all = ["tsv", "ndjson", "json"])]
    pub(super) csv: bool,

    /// Print fields or groups as tab-separated values
    #[arg(long, conflicts_with_all = ["ndjson", "json"])]
    pub(super) tsv: bool,

    /// Print fields or groups as one JSON object per line
    #[arg(long, conflicts_with = "json")]
    pub(super) ndjson: bool,

    /// Write fields as an Arrow IPC stream; FIELD:TYPE in --fields says a column's type
    #[arg(long, conflicts_with_all = ["csv", "tsv", "ndjson", "json", "tail"])]
    pub(super) arrow: bool,

    /// Write fields as an Arrow IPC file
    #[arg(long, conflicts_with_all = ["arrow", "csv", "tsv", "ndjson", "json", "tail"])]
    pub(super) arrow_file: bool,

    /// The longest line, MiB; longer ones are bad lines
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) line_max: u16,

    /// Measure what the read paths bring to this parse, compared with a line reader, the file read
    /// as a whole and the file mapped; with --by and --agg, of that grouping
    #[arg(long, conflicts_with_all = ["count", "top", "fields", "head", "tail", "follow", "merge", "last", "since", "until", "errors", "strict"])]
    pub(super) bench: bool,

    /// Rounds of --bench: each makes two passes in every way, out and back
    #[arg(long, value_name = "N", default_value_t = 6, requires = "bench")]
    pub(super) rounds: usize,

    /// Write the table of --bench to FILE as CSV
    #[arg(long, value_name = "FILE", requires = "bench")]
    pub(super) export_csv: Option<PathBuf>,

    /// One pass of --bench, in a process of its own.
    #[arg(long, hide = true, requires = "bench")]
    pub(super) bench_way: Option<String>,

    /// Draw a flame graph of that pass.
    #[arg(long, hide = true, requires = "bench_way")]
    pub(super) bench_flame: bool,

    /// No progress bar
    #[arg(long)]
    pub(super) quiet: bool,
}

impl Args {
    /// Whether the flame graphs are those of `--bench`, one for each way.
    pub(crate) fn draws_ways(&self) -> bool {
        self.bench
    }

    /// Whether this process is one pass of another's `--bench`.
    pub(crate) fn is_child(&self) -> bool {
        self.bench_way.is_some()
    }
}
