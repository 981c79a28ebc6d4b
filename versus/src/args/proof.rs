//! Arguments of `proof`.

use std::path::PathBuf;

use super::seconds;

/// What is compared with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    /// Reads of a file, as the suite `read` makes them
    Read,
    /// Echo servers, as the suite `net` starts them
    Server,
    /// Programs, as the suite `logs` starts them
    Process,
}

/// Arguments of `versus proof`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProofArgs {
    /// Only this kind
    #[arg(long)]
    pub kind: Option<Subject>,

    /// How many comparisons of each kind [default: 50 of reads, 30 of servers, 30 of processes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10000))]
    pub times: Option<u16>,

    /// Slow the second side down, and count how often that is found
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub slow: f64,

    /// Compare beside a process with two busy loops
    #[arg(long)]
    pub busy: bool,

    /// Of reads, only cells whose name contains one of these, separated by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// How long a slice takes: of warm reads (four times that of others), of requests [default: 0.005
    /// and 0.25]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub time: Option<f64>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Where to put the files that are read [default: $TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Size of the file that is read and of the log that is scanned, MiB [default: 512 and 200]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=65536))]
    pub size: Option<u64>,

    /// Seed of the files and of the orders
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if (0.0..=100.0).contains(&p) => Ok(p),
        _ => Err("between 0 and 100 percent".to_owned()),
    }
}
