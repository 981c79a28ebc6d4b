//! Arguments of the suite `net`.

use std::path::PathBuf;

use super::{Common, seconds};

/// Arguments of `versus net`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NetArgs {
    #[command(flatten)]
    pub common: Common,

    /// Only these peers, separated by commas; ours always runs
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub peers: Vec<String>,

    /// How long each side serves at a time [default: 1; with --quick 0.2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub time: Option<f64>,
}

/// Arguments of a server that `versus net` starts.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NetServeArgs {
    /// The library that serves
    pub peer: String,
    /// A directory with `cert.der` and `key.der`: serve TLS
    #[arg(long)]
    pub tls: Option<PathBuf>,
    /// Keep to this core
    #[arg(long)]
    pub cpu: usize,
    /// Serve datagrams
    #[arg(long)]
    pub udp: bool,
    /// Burn this many percent more processor time for each request (cutwater-rt over TCP only)
    #[arg(long, default_value_t = 0.0)]
    pub slow: f64,
}
