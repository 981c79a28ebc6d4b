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
mod manual;
mod metrics;
mod output;
mod progress;
mod query;
mod reproduce;
mod scan;
mod stop;
mod storm;
mod trace;
mod without;
mod words;
mod workdir;

use std::io::{self, Write};
use std::path::Path;
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
    // Where it cannot be had, files may be left behind; all else works.
    let _ = stop::outlive_size_limits();
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(told) => tell(&told),
    };
    outcome.unwrap_or_else(Failure::report)
}

/// Prints help, the version, or what is wrong with the arguments.
fn tell(told: &clap::Error) -> Outcome {
    let printed = told.print().and_then(|()| io::stdout().flush());
    if told.use_stderr() {
        // With standard error closed there is nobody left to tell.
        return Ok(ExitCode::from(2));
    }
    printed.map(|()| ExitCode::SUCCESS).map_err(Failure::output)
}

fn run(cli: Cli) -> Outcome {
    // Before anything else: what is opened now could not be refused any more.
    without::install(&cli.without)?;
    let mounted = metrics::Mounted::by(cli.metrics_here())?;
    let title = cli.title();
    let flame = cli.flamegraph_of_all().map(Path::to_path_buf);
    let flame = flame.as_deref().map(flame::Whole::start);
    let before_query = cli.before_query();
    let outcome = dispatch(cli.command, before_query, mounted.as_ref());
    // Also of a command that failed: that may be what one wants to look at. With wrong arguments
    // it did nothing, and the picture's file may be one that it was to read.
    let flame = flame.filter(|_| !outcome.as_ref().is_err_and(Failure::is_usage));
    let drawn = flame.map_or(Ok(()), |flame| flame.finish(title));
    outcome.and_then(|code| drawn.map(|()| code))
}

fn dispatch(
    command: Command,
    before_query: query::Before,
    mounted: Option<&metrics::Mounted>,
) -> Outcome {
    match command {
        Command::Doctor(args) => doctor::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Scan(args) => scan::run(*args),
        Command::Query(args) => query::run(&args, before_query),
        Command::Reproduce(args) => reproduce::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Storm(args) => storm::run(&args, mounted),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}
