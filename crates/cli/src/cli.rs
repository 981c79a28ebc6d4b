//! The command line as clap reads it.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use cutwater_bench::{BenchArgs, ReproduceArgs, StormArgs};
#[cfg(feature = "otlp")]
use cutwater_meter::otlp::Target;
use cutwater_shell::Failure;
#[cfg(feature = "otlp")]
use cutwater_shell::metrics::push::PushTo;
use cutwater_shell::metrics::{Address, Outlets};
use cutwater_shell::output_file::{Inputs, OutputFile};

use crate::without::Without;
use crate::{doctor, formats, manual, query, scan, trace};

/// The heading of options that every command has, so that they do not stand between its own.
const FOR_ALL: &str = "Options of all commands";

/// Read big files and move their bytes as fast as Linux can, and measure it.
#[derive(Debug, Parser)]
#[command(name = "cutwater", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Make system calls fail for this command, to see how it behaves on a host that refuses them.
    ///
    /// A list of CALL or CALL=ERROR, where CALL is io_uring (all three calls), io_uring_setup,
    /// io_uring_enter, io_uring_register, cachestat, mincore, preadv2, statx, copy_file_range,
    /// sendfile, splice, memfd_create, perf_event_open or bpf, and ERROR is ENOSYS (the default),
    /// EPERM or ENOMEM. Example: --without io_uring=EPERM,cachestat
    #[arg(
        long,
        global = true,
        help_heading = FOR_ALL,
        value_name = "CALLS",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) without: Vec<Without>,

    /// Serve metrics for Prometheus at ADDRESS (HOST:PORT, or a PORT of this host) while the
    /// command runs.
    #[arg(long, global = true, help_heading = FOR_ALL, value_name = "ADDRESS", hide_short_help = true)]
    pub(crate) metrics: Option<Address>,

    /// Push metrics to the collector at URL (http://HOST:PORT) by OTLP over HTTP while the command
    /// runs.
    ///
    /// Without it, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT gives the URL.
    #[cfg(feature = "otlp")]
    #[arg(long, global = true, help_heading = FOR_ALL, value_name = "URL", hide_short_help = true, value_parser = Target::new)]
    pub(crate) otlp: Option<Target>,

    /// Seconds between pushes.
    #[cfg(feature = "otlp")]
    #[arg(
        long,
        global = true,
        help_heading = FOR_ALL,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        hide_short_help = true
    )]
    pub(crate) otlp_every: u64,

    /// Draw a flame graph of CPU time into FILE (SVG), and one of waiting time next to it as
    /// .offcpu.svg.
    ///
    /// `bench` and `bench --scan` draw both for each path, into a directory of this name. `trace` draws
    /// the traced process, and its slowest faults and reads into a third that ends in .tail.svg.
    #[arg(long, global = true, help_heading = FOR_ALL, value_name = "FILE", hide_short_help = true)]
    pub(crate) flamegraph: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One line per subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what this host can do, what Cutwater will use, and how to enable the rest.
    Doctor(doctor::Args),
    /// Measure each way to read a file on this host.
    Bench(Box<BenchArgs>),
    /// Read logs: formats, fields, counts, errors and times.
    Scan(Box<scan::Args>),
    /// Ask logs in SQL; needs the program cutwater-query.
    Query(query::Args),
    /// List the formats of logs, test files of them, explain how a line is read.
    Formats(formats::Args),
    /// Test published claims about I/O on Linux on this host.
    Reproduce(ReproduceArgs),
    /// Show the page faults and reads of a process, by file, with latencies.
    Trace(trace::Args),
    /// Read maps of a file while another process truncates it.
    Storm(StormArgs),
    /// Print a shell completion script.
    Completions(manual::CompletionsArgs),
    /// Print the manual page of the command, or of one of its subcommands.
    Man(manual::ManArgs),
}

impl Cli {
    /// Where a flame graph of the whole command goes, if it has none of its own.
    pub(crate) fn flamegraph_of_all(&self) -> Option<&Path> {
        match &self.command {
            // The command becomes another program.
            Command::Query(_) => None,
            Command::Bench(_) | Command::Trace(_) => None,
            Command::Scan(args) if args.draws_ways() => None,
            _ => self.flamegraph.as_deref(),
        }
    }

    /// Checks that no flame graph of the whole command is drawn over an input or another output,
    /// and that no report is printed over an input. Commands that draw their own, and `scan`, which
    /// must find its logs, check this themselves.
    ///
    /// # Errors
    /// When one would be.
    pub(crate) fn spare_inputs(&self) -> Result<(), Failure> {
        let mut inputs = Inputs::new();
        let mut outputs = Vec::new();
        match &self.command {
            Command::Doctor(args) => {
                // It reads no file in a directory.
                inputs.add_all(args.file());
                OutputFile::standard(&inputs)?;
            }
            Command::Formats(args) => {
                inputs = args.inputs();
                OutputFile::standard(&inputs)?;
            }
            Command::Reproduce(args) => outputs.extend(args.exports().map(Path::to_owned)),
            _ => {}
        }
        if let Some(flamegraph) = self.flamegraph_of_all() {
            outputs.extend(cutwater_flame::pictures(flamegraph)?);
        }
        inputs.check_all(outputs)
    }

    /// Where the metrics of this process go. A child of `bench --scan` has the arguments of its
    /// parent, which exports metrics for both; `query` becomes another program.
    pub(crate) fn metrics_here(&self) -> Outlets {
        let elsewhere = match &self.command {
            Command::Scan(args) => args.is_child(),
            Command::Query(_) => true,
            _ => false,
        };
        if elsewhere {
            return Outlets::default();
        }
        Outlets {
            serve: self.metrics.clone(),
            #[cfg(feature = "otlp")]
            push: PushTo::from_option_or_environment(self.otlp.as_ref(), self.otlp_every),
        }
    }

    /// What was asked for before `query`: it becomes another program, which has its own ways.
    pub(crate) fn before_query(&self) -> query::Before {
        let flamegraph = self.flamegraph.as_ref().map(|_| {
            let instead = "draw it by: cutwater trace --flamegraph FILE -- cutwater-query ...";
            ("--flamegraph", instead)
        });
        #[cfg(feature = "otlp")]
        let otlp = self.otlp.as_ref().map(|_| {
            ("--otlp", "let the collector scrape it: cutwater query --metrics HOST:PORT ...")
        });
        #[cfg(not(feature = "otlp"))]
        let otlp = None;
        query::Before { metrics: self.metrics.clone(), refused: flamegraph.or(otlp) }
    }

    /// What a flame graph of the whole command is called.
    pub(crate) fn title(&self) -> &'static str {
        match &self.command {
            Command::Doctor(_) => "cutwater doctor",
            Command::Bench(_) => "cutwater bench",
            Command::Scan(_) => "cutwater scan",
            Command::Query(_) => "cutwater query",
            Command::Formats(_) => "cutwater formats",
            Command::Reproduce(_) => "cutwater reproduce",
            Command::Trace(_) => "cutwater trace",
            Command::Storm(_) => "cutwater storm",
            Command::Completions(_) => "cutwater completions",
            Command::Man(_) => "cutwater man",
        }
    }
}
