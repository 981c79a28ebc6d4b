//! The command, run as its users run it; one program for all tests, as linking takes longer than they do.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on says where")]

mod aliases;
mod bench;
mod claims;
mod command;
mod doctor;
mod follow;
mod formats;
mod guides;
mod help;
mod manual;
mod many_files;
mod metrics;
mod names;
mod no_silent_zero;
mod odd_inputs;
mod outputs;
mod pages;
mod readme;
mod reproduce;
mod scan;
mod scarce;
mod storm;
mod taint;
mod trace;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program under test.
const CUTWATER: &str = env!("CARGO_BIN_EXE_cutwater");

/// A command that runs the program under test. Help is as wide as it is without a terminal.
fn cutwater() -> Command {
    let mut command = Command::new(CUTWATER);
    command.env_remove("COLUMNS");
    command
}

/// The same in the directory `dir`, without standard input.
fn cutwater_in<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> Command {
    let mut command = cutwater();
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs the program under test to its end.
fn run_cutwater(args: &[&str]) -> Output {
    cutwater().args(args).output().unwrap()
}
