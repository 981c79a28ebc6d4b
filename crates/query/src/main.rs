//! The `cutwater-query` command, which `cutwater query` runs.
//!
//! Exit codes: 0 answered, 1 failed, 2 wrong query or arguments, 130 ended by Ctrl-C.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use cutwater_shell::run_command;

fn main() -> ExitCode {
    run_command(cli::run)
}
