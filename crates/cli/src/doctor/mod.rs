//! `cutwater doctor`: what this host can do, what Cutwater will use, how to enable the rest.
//!
//! Facts are gathered by doing things (`facts`), judged without doing any (`advice`,
//! `choices`), and written down for people (`report`) or programs (`json`).

mod advice;
mod choices;
mod facts;
mod finding;
mod json;
mod report;
mod words;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cutwater_shell::{Outcome, output};
use report::Style;

/// What clap read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 even if things are missing, 1 if no path can read PATH, 2 for wrong arguments. \
Output is coloured on a terminal unless NO_COLOR is set.")]
pub(crate) struct Args {
    /// File, directory or block device whose file system and disk to check
    ///
    /// Doctor never writes to a file or device; in a directory it creates an unnamed file.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print one JSON object instead (schema: docs/doctor.schema.json)
    #[arg(long)]
    json: bool,
}

impl Args {
    /// The file that is looked at, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        Some(self.path.as_path()).filter(|path| !path.is_dir())
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Outcome {
    let kind = facts::kind(&args.path)?;
    let facts = facts::gather(&args.path, kind);
    let findings = advice::findings(&facts);
    if args.json {
        output::json(&json::report(&facts, &findings))?;
    } else {
        output::styled(&report::report(&facts, &findings, style()))?;
    }
    Ok(if facts.works() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lines longer than this are hard to read on any terminal.
const COLUMNS_MAX: usize = 120;

fn style() -> Style {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return Style { columns: None, colour: false };
    }
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    let colour = set("NO_COLOR").is_none() && set("TERM").is_none_or(|t| t != "dumb");
    let columns = cutwater_sys::terminal::columns(&out).unwrap_or(80).min(COLUMNS_MAX);
    Style { columns: Some(columns), colour }
}
