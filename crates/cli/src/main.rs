//! The `cutwater` command.
//!
//! Each subcommand is a folder with `Args` (what clap read), a check that turns them into
//! what the command needs, and `run`. `bench`, `reproduce` and `storm` are in `cutwater-bench`.
#![forbid(unsafe_code)]

mod cli;
mod doctor;
mod formats;
mod manual;
mod query;
mod scan;
mod trace;
mod without;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use cutwater_bench::{run_bench, run_reproduce, run_storm};
use cutwater_shell::metrics::Exporter;
use cutwater_shell::{Failure, Outcome, run_command_with};

use cli::{Cli, Command};

/// Counts allocations for `bench --scan` and for two claims of `reproduce`.
#[global_allocator]
static ALLOCATOR: cutwater_sys::alloc_count::Counting = cutwater_sys::alloc_count::Counting;

fn main() -> ExitCode {
    run_command_with(scan::bench_of_scan(std::env::args_os()), run)
}

fn run(cli: Cli) -> Outcome {
    // Before anything else: what was opened before it could not be refused any more.
    without::install(&cli.without)?;
    let exporter = Exporter::start(cli.metrics_here())?;
    let title = cli.title();
    let flame = cli.flamegraph_of_all().map(Path::to_path_buf);
    let flame = flame.as_deref().map(cutwater_flame::Whole::start);
    let before_query = cli.before_query();
    let outcome = dispatch(cli.command, cli.flamegraph, before_query, exporter.as_ref());
    // A command that failed is drawn too: the failure may be what the user looks for. With wrong
    // arguments it did nothing, and the picture's file may be one that it was to read.
    let flame = flame.filter(|_| !outcome.as_ref().is_err_and(Failure::is_usage));
    let drawn = flame.map_or(Ok(()), |flame| flame.finish(title));
    outcome.and_then(|code| drawn.map(|()| code))
}

fn dispatch(
    command: Command,
    flamegraph: Option<PathBuf>,
    before_query: query::Before,
    exporter: Option<&Exporter>,
) -> Outcome {
    match command {
        Command::Doctor(args) => doctor::run(args),
        Command::Bench(mut args) => {
            args.flamegraph = flamegraph;
            run_bench(&args)
        }
        Command::Scan(args) => scan::run(*args, flamegraph),
        Command::Query(args) => query::run(&args, before_query),
        Command::Formats(args) => formats::run(&args),
        Command::Reproduce(args) => run_reproduce(&args),
        Command::Trace(args) => trace::run(&args, flamegraph.as_deref()),
        Command::Storm(args) => run_storm(&args, exporter),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Man(args) => manual::man(&args, Cli::command()),
    }
}
