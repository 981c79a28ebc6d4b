//! `cutwater formats`: the formats of logs, their tests, and how one line is read.

mod explain;
mod list;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use cutwater_shell::logs::LogOptions;
use cutwater_shell::output_file::Inputs;
use cutwater_shell::{Outcome, formats};

/// List the formats of logs, test files of them, explain how a line is read.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:
  cutwater formats                                  all formats
  cutwater formats --test mine.toml                 whether its samples have the values that it states
  cutwater formats --explain app.log:17             how line 17 of app.log is read
  cutwater formats --explain 'I0102 03:04:05.123456 7 a.go:1] text'

Files in $XDG_CONFIG_HOME/cutwater/formats (or ~/.config/cutwater/formats) are formats, too.
docs/formats.md shows how to write one.")]
pub(crate) struct Args {
    /// Test the samples of these files of formats; of all formats where none is named
    #[arg(long, num_args = 0.., value_name = "FILE", conflicts_with = "explain")]
    test: Option<Vec<PathBuf>>,

    /// Explain how this line is read, or line N of a log, as FILE:N
    #[arg(long, value_name = "LINE")]
    explain: Option<String>,

    /// Print JSON
    #[arg(long, conflicts_with_all = ["test", "explain"])]
    json: bool,

    #[command(flatten)]
    logs: LogOptions,
}

impl Args {
    /// The files that the command reads.
    pub(crate) fn inputs(&self) -> Inputs {
        let mut inputs = self.logs.inputs();
        // A directory is no file of formats.
        inputs.add_all(self.test.iter().flatten().filter(|path| !path.is_dir()));
        inputs.add_all(self.explain.as_deref().and_then(explain::log_of).map(|(path, _)| path));
        inputs
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(files) = &args.test {
        return test::run(files);
    }
    if let Some(line) = &args.explain {
        return explain::run(line, &args.logs);
    }
    formats::install();
    list::run(args.json).map(|()| ExitCode::SUCCESS)
}
