//! The flags of `cutwater bench`, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use cutwater::ReadPath;

use super::rival::Versus;
use super::shape::{Cache, Pattern};
use super::units;

/// What clap read; `Plan::new` checks it.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// The file to read; without one, a file is made and removed afterwards.
    pub(super) file: Option<PathBuf>,

    /// Paths: read, preadv, mmap, uring, uring-direct, auto [default: all].
    #[arg(long = "path", value_name = "PATHS", value_delimiter = ',', help_heading = MATRIX)]
    pub(super) paths: Vec<ReadPath>,
    /// Patterns: seq, rand, stride, jump, zipf [default: seq,rand].
    #[arg(long = "pattern", value_name = "PATTERNS", value_delimiter = ',', help_heading = MATRIX)]
    pub(super) patterns: Vec<Pattern>,
    /// Bytes of one read, as in 4K,128K,1M [default: 4K,1M].
    #[arg(long = "block", value_name = "SIZES", value_delimiter = ',',
          value_parser = units::parse_size, help_heading = MATRIX)]
    pub(super) blocks: Vec<u64>,
    /// States of the page cache: warm, mixed, cold [default: warm,cold, and mixed for random
    /// reads of up to 64K at a depth above 1].
    #[arg(long = "cache", value_name = "STATES", value_delimiter = ',', help_heading = MATRIX)]
    pub(super) caches: Vec<Cache>,
    /// Reads known ahead on each thread, 1 to 1024 [default: 1,32].
    #[arg(long = "depth", value_name = "NUMBERS", value_delimiter = ',', help_heading = MATRIX)]
    pub(super) depths: Vec<u32>,
    /// Threads, 1 to 256 [default: 1].
    #[arg(long = "threads", value_name = "NUMBERS", value_delimiter = ',', help_heading = MATRIX)]
    pub(super) threads: Vec<u32>,

    /// How long the path `read` takes for one slice of a cell, as in 5ms or 2s [default: 5ms warm,
    /// 20ms mixed and cold].
    #[arg(long, value_parser = units::parse_time, help_heading = EFFORT)]
    pub(super) time: Option<Duration>,
    /// Rounds per cell. In a round every path reads two slices; an interval needs at least 6 rounds
    /// [default: 30 warm, 12 mixed and cold].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = EFFORT)]
    pub(super) runs: Option<u32>,
    /// Where random patterns, the made file and the mixed cache state start from.
    #[arg(long, default_value_t = 1, help_heading = EFFORT)]
    pub(super) seed: u64,
    /// A few seconds on a small file: shows that all works, not how fast it is.
    #[arg(long, help_heading = EFFORT)]
    pub(super) quick: bool,

    /// Bytes of the file that is made [default: 1G, less where memory or disk are short].
    #[arg(long, value_parser = units::parse_size, conflicts_with = "file", help_heading = HOST)]
    pub(super) size: Option<u64>,
    /// Directory, and so the disk, where the file is made.
    #[arg(long, default_value = ".", conflicts_with = "file", help_heading = HOST)]
    pub(super) dir: PathBuf,
    /// Empty the whole host's page cache before each cold round (root only).
    #[arg(long, help_heading = HOST)]
    pub(super) drop_caches: bool,

    /// Run another program's engines in turn with our paths.
    #[arg(long, value_enum, value_name = "PROGRAM", help_heading = MATRIX)]
    pub(super) versus: Option<Versus>,

    /// Compare ways to read and parse a log instead; takes FILE and the options of `scan` in place of
    /// those above.
    #[arg(long, help_heading = MATRIX)]
    pub(super) scan: bool,

    /// Print one JSON object in place of the tables.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) json: bool,
    /// Show CPU, faults, switches and the ring's figures too (wider than 100 columns).
    #[arg(long, conflicts_with = "json", help_heading = OUTPUT)]
    pub(super) wide: bool,
    /// Write everything that was measured to FILE, as JSON.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) export_json: Option<PathBuf>,
    /// Write one line per cell to FILE, as CSV.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) export_csv: Option<PathBuf>,
    /// Write a page with charts to FILE; it needs no network.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) export_html: Option<PathBuf>,
    /// Directory for a flame graph of each path, made in separate passes. Not parsed here, because
    /// it is an option of all commands; the caller sets it.
    #[arg(skip)]
    pub flamegraph: Option<PathBuf>,
}

const MATRIX: &str = "What is measured (comma lists)";
const EFFORT: &str = "How long, how often";
const HOST: &str = "Where";
const OUTPUT: &str = "Output";
