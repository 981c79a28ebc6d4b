//! `cutwater completions` and `cutwater man`: what the shell and the manual know of the command,
//! from the table that its help is made of.

use std::process::ExitCode;

use clap_complete::Shell;
use cutwater_shell::{Failure, Outcome, output};

/// Print a shell completion script.
#[derive(Debug, clap::Args)]
#[command(after_help = "Where shells look for it:
  bash  cutwater completions bash >~/.local/share/bash-completion/completions/cutwater
  zsh   cutwater completions zsh >DIR/_cutwater, where DIR is in $fpath
  fish  cutwater completions fish >~/.config/fish/completions/cutwater.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page of the command, or of one of its subcommands.
#[derive(Debug, clap::Args)]
#[command(after_help = "To read it: cutwater man >cutwater.1 && man ./cutwater.1")]
pub(crate) struct ManArgs {
    /// The subcommand; the whole command unless named
    command: Option<String>,
}

/// Prints the script for `command`.
pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "cutwater", &mut script);
    output::text(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
}

/// Prints the page of `all`, or of one of its subcommands.
pub(crate) fn man(args: &ManArgs, mut all: clap::Command) -> Outcome {
    // Gives subcommands their whole names, and the options that all have.
    all.build();
    let command = match &args.command {
        None => all,
        Some(name) => one(&all, name)?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|e| Failure::new("cannot make the manual page").because(e))?;
    output::text(&String::from_utf8_lossy(&page)).map(|()| ExitCode::SUCCESS)
}

/// A subcommand; its page is called as those of git are: `cutwater-scan(1)`.
fn one(all: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    let found = all.get_subcommands().find(|command| command.get_name() == name);
    let Some(found) = found else {
        let names: Vec<_> = all.get_subcommands().map(clap::Command::get_name).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format!("no subcommand is called {name:?}; there are {names}")));
    };
    Ok(found.clone())
}
