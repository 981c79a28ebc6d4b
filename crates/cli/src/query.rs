//! `cutwater query`: runs `cutwater-query`, which is a program of its own since it is heavy to
//! build.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::failure::Failure;

/// The program.
const PROGRAM: &str = "cutwater-query";

/// SQL over raw logs; the program cutwater-query answers it.
#[derive(Debug, clap::Args)]
// What the words mean is the program's business, --help among them.
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// A query and logs, as in 'SELECT status, count(*) FROM log GROUP BY 1' access.json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// Becomes the program: the one beside our own, else the first on the PATH.
pub(crate) fn run(args: &Args) -> Outcome {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let found = beside.filter(|path| path.is_file());
    let program = found.unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(&program).args(&args.words).exec();
    let missing = error.kind() == io::ErrorKind::NotFound;
    let words = if missing {
        format!(
            "the program {PROGRAM} is neither beside this one nor on the PATH; \
             build it with: cargo build --release -p {PROGRAM}"
        )
    } else {
        format!("cannot run {}", program.display())
    };
    Err(Failure::new(words).because(error))
}
