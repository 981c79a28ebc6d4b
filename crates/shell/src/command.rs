//! How a program begins and ends.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::words::{escaped, is_printable};
use crate::{Failure, print_error, stop};

/// How a command ends: with an exit code, or with a failure that still has to be printed.
pub type Outcome = Result<ExitCode, Failure>;

/// Parses the command line, calls `command` with it, and prints why it failed if it did.
///
/// Exit codes: 0 done, 1 failed, 2 wrong arguments, or what `command` returns.
pub fn run_command<P: Parser>(command: impl FnOnce(P) -> Outcome) -> ExitCode {
    run_command_with(env::args_os(), command)
}

/// The same with `arguments` in place of those of the process; the first is the program's name.
pub fn run_command_with<P: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    command: impl FnOnce(P) -> Outcome,
) -> ExitCode {
    // If this fails, files may be left behind at a size limit; everything else works.
    let _ = stop::outlive_size_limits();
    let outcome = match P::try_parse_from(arguments) {
        Ok(arguments) => command(arguments),
        Err(answer) => print_answer(&answer),
    };
    outcome.unwrap_or_else(Failure::report)
}

/// Prints what clap answers in place of the command: help, the version, or an error.
fn print_answer(answer: &clap::Error) -> Outcome {
    if answer.use_stderr() {
        // Clap quotes wrong arguments as they are. Its colours are control characters too, so it
        // prints the message itself unless an argument has any.
        let harmless = |word: &std::ffi::OsStr| word.to_str().is_some_and(is_printable);
        if env::args_os().all(|word| harmless(&word)) {
            let _ = answer.print();
        } else {
            print_error(&escaped(&answer.render().to_string()));
        }
        return Ok(ExitCode::from(2));
    }
    let printed = answer.print().and_then(|()| io::stdout().flush());
    printed.map(|()| ExitCode::SUCCESS).map_err(Failure::output)
}
