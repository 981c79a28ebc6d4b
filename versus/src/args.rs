//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Cutwater against its peers.
#[derive(Debug, Parser)]
#[command(name = "versus", version)]
pub(crate) struct Args {
    /// What to compare
    #[command(subcommand)]
    pub suite: Suite,
}

/// The suites.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Ranges of a file: warm, cold and half resident, by block, depth and threads
    Read(ReadArgs),
    /// The same ranges through our runtime, and through it under Tokio
    Runtime(ReadArgs),
    /// Questions to logs, beside wc, ripgrep, DuckDB, goaccess and angle-grinder
    Logs(LogsArgs),
    /// SQL over a log, beside DuckDB
    Query(QueryArgs),
    /// Echo over loopback: what a request costs the server, plain and by TLS
    Net(NetArgs),
    /// One server of `net`, in a process of its own
    #[command(hide = true)]
    NetServe(NetServeArgs),
}

/// What a server of `versus net` is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NetServeArgs {
    /// Who serves
    pub peer: String,
    /// A directory with `cert.der` and `key.der`: then it is TLS
    #[arg(long)]
    pub tls: Option<PathBuf>,
    /// Datagrams
    #[arg(long)]
    pub udp: bool,
}

/// What `versus net` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NetArgs {
    /// Fewer cells, and shorter
    #[arg(long)]
    pub quick: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Only cells whose name has one of these in it, parted by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// Only these peers, parted by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// Rounds in which everybody serves once [default: 5; with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,

    /// How long each serves in a round [default: 0.5; with --quick 0.2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub time: Option<f64>,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

/// What `versus query` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct QueryArgs {
    /// A smaller log and fewer rounds
    #[arg(long)]
    pub quick: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Only cells whose name has one of these in it, parted by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// Rounds in which everybody runs once, after one that is not counted [default: 5; with
    /// --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,

    /// Lines of the log that is made [default: 4300000; with --quick 430000]
    #[arg(long, value_name = "N")]
    pub lines: Option<u64>,

    /// Ask this NDJSON log, sorted by ts, with method, path, status, bytes and latency_ms,
    /// instead of one that is made
    #[arg(long, value_name = "FILE")]
    pub ndjson: Option<PathBuf>,

    /// Threads of everybody
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub threads: u16,

    /// A Python that has DuckDB
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,

    /// Where to put the log, 1.2 GB [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Compare with the answers in FILE, which are those to this number of lines and this seed;
    /// where there is no such file, write DuckDB's
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,

    /// Seed of the log
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What `versus logs` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogsArgs {
    /// Smaller logs and fewer rounds
    #[arg(long)]
    pub quick: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Only cells whose name has one of these in it, parted by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// Only these peers, parted by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// Rounds in which everybody runs once, after one that is not counted [default: 5; with
    /// --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,

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

    /// Where to put the logs, 2.5 GB [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Seed of the logs
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What `versus read` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReadArgs {
    /// End within two minutes: a smaller file, fewer and shorter runs
    #[arg(long)]
    pub quick: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Only cells whose name has one of these in it, parted by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// Only these peers, parted by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// Rounds in which everybody runs once [default: 5; with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,

    /// How long a run takes on average over the peers [default: 0.4; with --quick 0.08]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub time: Option<f64>,

    /// Where to put the file that is read; it is never visible there [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Size of that file, MiB [default: 1024; with --quick 512]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=65536))]
    pub size: Option<u64>,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Let everybody use all cores; otherwise a cell of n threads gets n cores
    #[arg(long)]
    pub no_pin: bool,

    /// Refuse io_uring to this process: what is left on a host that does
    #[arg(long)]
    pub no_rings: bool,

    /// Seed of the file's bytes and of the order of the reads
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 60.0 => Ok(s),
        _ => Err("between 0 and 60 seconds".to_owned()),
    }
}
