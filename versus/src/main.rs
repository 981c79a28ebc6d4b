//! Cutwater against its peers: the same work through each, interleaved, with the losses.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for people and tools")]

mod args;
mod harness;
mod logs;
mod net;
mod peers;
mod programs;
mod proof;
mod query;
mod read;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Suite};

fn main() -> ExitCode {
    let wrong = "a side read wrong bytes or answered wrongly: see the report";
    let (done, why_not) = match Args::parse().suite {
        Suite::Read(args) => (read::run(&args, "read"), wrong),
        Suite::Runtime(args) => (read::run(&args, "runtime"), wrong),
        Suite::Logs(args) => (logs::run(&args), wrong),
        Suite::Query(args) => (query::run(&args), wrong),
        Suite::Net(args) => (net::run(&args), wrong),
        Suite::Proof(args) => (proof::run(&args), "the promise does not hold: see the report"),
        Suite::NetServe(args) => (net::serve(&args), wrong),
        Suite::Busy => (proof::spin_until_input_ends(), wrong),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("versus: {why_not}");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("versus: {why}");
            ExitCode::FAILURE
        }
    }
}
