//! The command, run as its users run it; one program for all tests, as linking takes longer than they do.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on says where")]

mod bench;
mod claims;
mod command;
mod doctor;
mod guides;
mod help;
mod manual;
mod metrics;
mod names;
mod odd_inputs;
mod pages;
mod readme;
mod reproduce;
mod scan;
mod storm;
mod trace;

use std::process::Command;

/// The program under test.
const CUTWATER: &str = env!("CARGO_BIN_EXE_cutwater");

/// Runs the program under test. Help is as wide as it is without a terminal.
fn cutwater() -> Command {
    let mut command = Command::new(CUTWATER);
    command.env_remove("COLUMNS");
    command
}
