//! `cutwater trace`: page faults and reads of a process, by file, with latencies.
//!
//! If the kernel permits it, each fault and each read is an event with a time
//! (`cutwater_observe::perf::Trace`), or programs in the kernel add them up
//! (`cutwater_observe::bpf::Tracer`). Otherwise the counts of `/proc` are shown, and what is missing.

mod args;
mod counters;
mod drawing;
#[cfg(feature = "ebpf")]
mod files;
mod frames;
#[cfg(feature = "ebpf")]
mod in_kernel;
#[cfg(not(feature = "ebpf"))]
#[path = "no_kernel.rs"]
mod in_kernel;
mod narrow;
mod operation;
mod paths;
mod report;
mod source;
mod table;
mod tail;
mod tail_graph;
mod tally;
mod target;

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use cutwater_observe::perf::Start;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use args::Args;
use counters::Counters;
use cutwater_flame::KernelNames;
use cutwater_shell::Failure;
use cutwater_shell::output_file::Inputs;
use cutwater_shell::stop::Stop;
use cutwater_shell::{Outcome, output, print_error};
use drawing::Drawing;
use report::Report;
use source::Source;
use tail_graph::TailGraph;
use tally::Tally;
use target::Target;

/// Time between two looks at the rings. What `/proc` shows may be gone by then.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Time between two updates of a live table.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// Rows of a live table.
const LIVE_ROWS: usize = 15;

/// Runs the command; flame graphs of the process go to `flamegraph`.
pub(crate) fn run(args: &Args, flamegraph: Option<&Path>) -> Outcome {
    if args.child {
        return target::become_command(&args.command);
    }
    if let Some(path) = flamegraph {
        spare_files_of(args, path)?;
    }
    let stop = Stop::on_signals()
        .map_err(|e| Failure::new("cannot take over SIGINT and SIGTERM").because(e))?;
    let mut target = Target::new(args)?;
    let start = if target.is_ours() { Start::OnExec } else { Start::Now };
    // Only now, so that the command does not inherit the raised limit.
    use_all_descriptors();
    // Before the rows' rings, which take all the memory that may be locked.
    let recording = flamegraph.map(|path| Drawing::start(path, &target));
    let source = Source::open(args.backend, target.pid(), start);
    let mut watched = Watched {
        counters: Counters::start(target.pid()),
        tally: Tally::default(),
        names: KernelNames::default(),
        source,
        started: Instant::now(),
    };
    target.go_on()?;
    watched.watch(args, &mut target, &stop)?;
    // While the process can still be asked for its functions.
    let drawn = recording.map(|drawing| drawing.finish(&target)).transpose()?.unwrap_or_default();
    let code = target.end(&stop)?;
    let mut report = watched.report(args);
    report.without.extend(drawn.missing);
    report.flamegraph = drawn.on_cpu;
    report.off_cpu = drawn.off_cpu;
    if let Some(path) = flamegraph {
        report.tail_graph = watched.draw_tails(path, target.name())?;
    }
    if args.json {
        output::json(&report)?;
    } else {
        // Standard output is the command's.
        print_error(&table::text(&report, args.rows));
    }
    Ok(code)
}

/// Checks that no picture is drawn over the program that is traced, nor over a file that its arguments name:
/// as a word, or within one (`--table=FILE`, `if=FILE`, `FILE:3`).
fn spare_files_of(args: &Args, path: &Path) -> Result<(), Failure> {
    let mut inputs = Inputs::new();
    let names = args.command.iter().flat_map(|word| names_in(word.as_bytes()));
    inputs.add_all(names.filter(|name| name.is_file()));
    inputs.add_all(args.pid.map(|pid| format!("/proc/{pid}/exe")));
    inputs.check_all(cutwater_flame::pictures(path)?)
}

/// A word, and each part of it that begins after an `=`; each of them also without what follows the last `:`.
fn names_in(word: &[u8]) -> impl Iterator<Item = &Path> {
    let after = |(at, byte): (usize, &u8)| (*byte == b'=').then(|| &word[at + 1..]);
    let parts = iter::once(word).chain(word.iter().enumerate().filter_map(after));
    parts.flat_map(|part| {
        let colon = part.iter().rposition(|&byte| byte == b':').unwrap_or(part.len());
        [part, &part[..colon]].map(|name| Path::new(OsStr::from_bytes(name)))
    })
}

/// Raises the limit on open descriptors as far as allowed: events take some for each thread.
fn use_all_descriptors() {
    let limits = getrlimit(Resource::Nofile);
    // If the limit cannot be raised, the source that needs descriptors reports it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
}

/// Clears a terminal.
const CLEAR: &[u8] = b"\x1b[H\x1b[J";

/// What is watched, and what was seen of it.
struct Watched {
    source: Source,
    counters: Counters,
    tally: Tally,
    names: KernelNames,
    started: Instant,
}

impl Watched {
    /// Watches until the process ends, the time is up, or a signal comes.
    fn watch(&mut self, args: &Args, target: &mut Target, stop: &Stop) -> Result<(), Failure> {
        let live = io::stderr().is_terminal() && !args.json;
        // A live table would wipe out what the command writes to the terminal.
        let live = live && (!target.is_ours() || !io::stdout().is_terminal());
        let mut shown = Instant::now();
        loop {
            let is_over = stop.is_set()
                || target.has_ended()?
                || args.time.is_some_and(|t| self.started.elapsed() >= t);
            self.source.take(&mut self.tally, is_over);
            self.counters.look();
            if is_over {
                return Ok(());
            }
            if live && shown.elapsed() >= SHOW_EVERY {
                shown = Instant::now();
                self.source.settle(&mut self.tally);
                let text = table::text(&self.report(args), LIVE_ROWS);
                // Like all notes, it is lost if standard error is closed.
                let _ = io::stderr().lock().write_all(CLEAR);
                print_error(&text);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Draws the slowest operations; the report has learned the names.
    fn draw_tails(&self, path: &Path, name: &str) -> Result<Option<TailGraph>, Failure> {
        let Some(chains) = self.source.chains() else { return Ok(None) };
        let title = format!("cutwater trace: {name}");
        tail_graph::draw(path, &title, self.tally.tails(), &chains, &self.names)
            .map_err(|e| Failure::new("no flame graph of the slowest operations").because(e))
    }

    fn report(&mut self, args: &Args) -> Report {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut report = Report::new(args, seconds, &self.source, &self.counters, &self.tally);
        if let Some(chains) = self.source.chains() {
            let (tails, unnamed) = frames::reports(self.tally.tails(), &chains, &mut self.names);
            report.tails = tails;
            report.without.extend(unnamed);
        }
        report.without.extend(self.tally.left_out().map(str::to_owned));
        report
    }
}
