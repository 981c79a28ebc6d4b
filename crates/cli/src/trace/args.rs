//! The flags.

use std::ffi::OsString;
use std::time::Duration;

/// Show the page faults and reads of a process, by file, with latencies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: that of COMMAND; 0 otherwise, also where the host lets us see \
little.")]
pub(crate) struct Args {
    /// Trace this process, until it ends or Ctrl-C
    #[arg(long, value_name = "PID", conflicts_with = "command",
          value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(super) pid: Option<u32>,

    /// Start this command and trace it and its children
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,

    /// Stop after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) time: Option<Duration>,

    /// Rows shown of each kind
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) rows: usize,

    /// Where faults and reads are taken from
    #[arg(long, value_enum, value_name = "BACKEND", default_value_t = Wanted::Auto)]
    pub(super) backend: Wanted,

    /// Print JSON; what COMMAND writes to standard output then goes to standard error
    #[arg(long)]
    pub(super) json: bool,

    /// In the child: stop, then become the command.
    #[arg(long, hide = true)]
    pub(super) child: bool,
}

/// Where faults and reads are taken from; what the host refuses falls back to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Wanted {
    /// Tracepoints; where times are missing there, ebpf
    Auto,
    /// Each as an event, read here: shows most; needs tracefs
    Tracepoints,
    /// Added up by programs inside the kernel: costs the process least; needs root or CAP_BPF
    /// and CAP_PERFMON
    Ebpf,
}

/// A day.
const SECONDS_MAX: f64 = 86_400.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if seconds > 0.0 && seconds <= SECONDS_MAX {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("{text} is not between 0 and {SECONDS_MAX}"))
    }
}
