//! Cutwater against its peers: the same work through each, interleaved, with the losses.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people and tools")]

mod args;
mod harness;
mod logs;
mod net;
mod peers;
mod query;
mod read;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Suite};

fn main() -> ExitCode {
    let done = match Args::parse().suite {
        Suite::Read(args) => read::run(&args, "read"),
        Suite::Runtime(args) => read::run(&args, "runtime"),
        Suite::Logs(args) => logs::run(&args),
        Suite::Query(args) => query::run(&args),
        Suite::Net(args) => net::run(&args),
        Suite::NetServe(args) => net::serve(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("versus: somebody read wrong bytes, or answered wrongly: see the report");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("versus: {why}");
            ExitCode::FAILURE
        }
    }
}
