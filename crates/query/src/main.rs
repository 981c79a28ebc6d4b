//! The `cutwater-query` command, which `cutwater query` runs.
//!
//! Exit codes: 0 answered, 1 failed, 2 wrong query or arguments, 130 ended by Ctrl-C.
#![forbid(unsafe_code)]

mod cli;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(&cli::args::Args::parse()) {
        Ok(code) => code,
        Err(failure) => {
            if !failure.is_closed() {
                // With standard error closed there is nowhere left to write.
                let _ = writeln!(std::io::stderr().lock(), "cutwater: {failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
