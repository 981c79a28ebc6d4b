//! The command line as clap reads it.

use clap::{Parser, Subcommand};

use crate::doctor;

/// Read big files, and move their bytes, as fast as Linux can, and see the measurement.
#[derive(Debug, Parser)]
#[command(name = "cutwater", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One line per subcommand; each has its folder.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what this host can do, what Cutwater will use, and how to enable the rest.
    Doctor(doctor::Args),
}
