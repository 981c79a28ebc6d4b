//! The command line as clap reads it.

use clap::{Parser, Subcommand};

use crate::without::Without;
use crate::{bench, doctor, reproduce, scan, storm};

/// Read big files, and move their bytes, as fast as Linux can, and see the measurement.
#[derive(Debug, Parser)]
#[command(name = "cutwater", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Refuse system calls to Cutwater itself, to see what it does on a host that refuses them.
    ///
    /// A list of CALL or CALL=ERROR, where CALL is io_uring (all three calls), io_uring_setup,
    /// io_uring_enter, io_uring_register, cachestat, mincore, preadv2, statx, copy_file_range,
    /// sendfile, splice, memfd_create or perf_event_open, and ERROR is ENOSYS (unless said),
    /// EPERM or ENOMEM. Example: --without io_uring=EPERM,cachestat
    #[arg(
        long,
        global = true,
        value_name = "CALLS",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) without: Vec<Without>,

    /// Serve metrics for Prometheus at ADDRESS (HOST:PORT, or a PORT of this host) meanwhile.
    #[arg(long, global = true, value_name = "ADDRESS", hide_short_help = true)]
    pub(crate) metrics: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One line per subcommand; each has its folder.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what this host can do, what Cutwater will use, and how to enable the rest.
    Doctor(doctor::Args),
    /// Measure what each way to read a file gives on this host.
    Bench(Box<bench::Args>),
    /// Read logs: formats, fields, counts, errors and times.
    Scan(Box<scan::Args>),
    /// Put published claims about I/O on Linux to the test, on this host.
    Reproduce(reproduce::Args),
    /// Watch maps survive a file that another process truncates.
    Storm(storm::Args),
}
