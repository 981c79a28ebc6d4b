//! Cutwater against its peers: the same work through each, interleaved, with the losses.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people and tools")]

mod args;
mod harness;
mod peers;
mod read;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Suite};

fn main() -> ExitCode {
    let Suite::Read(args) = Args::parse().suite;
    match read::run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("versus: somebody read wrong bytes: see the report");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("versus: {why}");
            ExitCode::FAILURE
        }
    }
}
