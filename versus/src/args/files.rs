//! Arguments of the suites `read` and `runtime`.

use std::path::PathBuf;

use super::{Common, seconds};

/// Arguments of `versus read` and `versus runtime`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub common: Common,

    /// Only these peers, separated by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// How long a slice of reads takes in warm cells; four times that in cold and half resident ones
    #[arg(long, value_name = "SECONDS", default_value = "0.005", value_parser = seconds)]
    pub time: f64,

    /// Where to put the file that is read; it has no name there [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Size of that file, MiB [default: 2048; with --quick 1024]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=65536))]
    pub size: Option<u64>,

    /// Let every side use all cores; otherwise a cell of n threads gets n cores
    #[arg(long)]
    pub no_pin: bool,

    /// Refuse io_uring to this process, as some hosts do
    #[arg(long)]
    pub no_rings: bool,

    /// Seed of the file's bytes, of the order of the reads and of the order of the sides
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
