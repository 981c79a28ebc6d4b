//! The command line.

mod files;
mod net;
mod programs;
mod proof;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use files::ReadArgs;
pub(crate) use net::{NetArgs, NetServeArgs};
pub(crate) use programs::{LogsArgs, QueryArgs};
pub(crate) use proof::{ProofArgs, Subject};

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
    /// Questions about logs, beside wc, ripgrep, DuckDB, goaccess and angle-grinder
    Logs(LogsArgs),
    /// SQL over a log, beside DuckDB
    Query(QueryArgs),
    /// Echo over loopback: what a request costs the server, plain and by TLS
    Net(NetArgs),
    /// Compare a side with itself many times and count how often the interval is right
    Proof(ProofArgs),
    /// One server of `net`, in a process of its own
    #[command(hide = true)]
    NetServe(NetServeArgs),
    /// Two threads that spin until standard input ends
    #[command(hide = true)]
    Busy,
}

/// What every suite takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Less data, and fewer rounds where they would take too long
    #[arg(long)]
    pub quick: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Only cells whose name contains one of these, separated by commas; `*` is anything
    #[arg(long, value_name = "PATTERN")]
    pub cells: Option<String>,

    /// Rounds; each side is measured twice in each. Fewer than 6 give no interval [default: 12 for
    /// files, 6 for servers, 8 for programs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,

    /// Keep the command, the versions and every sample in DIR/DATE-HOST/
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 60.0 => Ok(s),
        _ => Err("between 0 and 60 seconds".to_owned()),
    }
}
