//! `cutwater query`: runs `cutwater-query`, which is a program of its own since it is heavy to
//! build.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use cutwater_shell::metrics::Address;
use cutwater_shell::words::shown;
use cutwater_shell::{Failure, Outcome, own_path};

/// The program.
const PROGRAM: &str = "cutwater-query";

/// SQL over raw logs; the program cutwater-query answers it.
#[derive(Debug, clap::Args)]
// The other program parses all of them, --help too.
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// A query and logs, as in 'SELECT status, count(*) FROM log GROUP BY 1' access.json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// The options before `query`, which are this program's.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Where to serve metrics; passed on.
    pub(crate) metrics: Option<Address>,
    /// An option that the other program does not have, and what to do instead.
    pub(crate) refused: Option<(&'static str, &'static str)>,
}

/// Becomes the program: the one next to our own, else the first on the PATH.
pub(crate) fn run(args: &Args, before: Before) -> Outcome {
    if let Some((option, instead)) = before.refused {
        return Err(Failure::usage(format!("query takes no {option}; {instead}")));
    }
    let passed = before.metrics.map(|address| format!("--metrics={}", address.host_and_port()));
    let beside = own_path().ok().and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let found = beside.filter(|path| path.is_file());
    let program = found.unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(&program).args(passed).args(&args.words).exec();
    let missing = error.kind() == io::ErrorKind::NotFound;
    let words = if missing {
        format!(
            "the program {PROGRAM} is neither next to this one nor on the PATH; \
             build it with: cargo build --release -p {PROGRAM}"
        )
    } else {
        format!("cannot run {}", shown(&program))
    };
    Err(Failure::new(words).because(error))
}
