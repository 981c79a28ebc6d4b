//! The `cutwater` command.
//!
//! Each subcommand is a folder with `Args` (what clap read), a check that turns them into
//! what the command needs, and `run`. Exit codes: 0 done, 1 failed, 2 wrong arguments.
#![forbid(unsafe_code)]

mod bench;
mod cli;
mod doctor;
mod failure;
mod flame;
mod metrics;
mod output;
mod progress;
mod reproduce;
mod scan;
mod stop;
mod storm;
mod without;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

/// Counts for `scan --bench`, which says how often each way asks for memory.
#[global_allocator]
static ALLOCATOR: cutwater_sys::alloc_count::Counting = cutwater_sys::alloc_count::Counting;

/// What a subcommand ends with.
type Outcome = Result<ExitCode, Failure>;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Outcome {
    // Before anything else: what is opened now could not be refused any more.
    without::install(&cli.without)?;
    let mounted = cli.metrics.as_deref().map(metrics::Mounted::at).transpose()?;
    match cli.command {
        Command::Doctor(args) => doctor::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Scan(args) => scan::run(*args),
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Storm(args) => storm::run(&args, mounted.as_ref()),
    }
}
