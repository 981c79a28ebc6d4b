//! `cutwater storm`: maps of a file that another process truncates, for as long as you watch.
//!
//! This process is the storm: it truncates, extends and punches holes into a temporary file. A
//! child reads it through maps on four threads and checks every byte. If a signal kills the child,
//! the crash is counted and a new child takes over.

mod bytes;
mod metrics;
mod reader;
mod weather;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use cutwater_shell::Failure;
use cutwater_shell::metrics::Exporter;
use cutwater_shell::progress::Progress;
use cutwater_shell::stop::Stop;
use cutwater_shell::words::counted;
use cutwater_shell::workdir::usual_places;
use cutwater_shell::{Outcome, output};
use metrics::{Counters, CountersSource};
use reader::{Child, Counts, End};
use weather::Weather;

/// The flags of `cutwater storm`.
#[derive(Debug, clap::Args)]
pub struct StormArgs {
    /// Run for this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    time: f64,

    /// Seed of the random changes and reads.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Directory of the temporary file [default: the system's].
    #[arg(long)]
    dir: Option<PathBuf>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    /// The part of the child: read this file until standard input ends.
    #[arg(long, hide = true, value_name = "FILE")]
    reader: Option<PathBuf>,
}

/// A day; longer storms show nothing new.
const SECONDS_MAX: f64 = 86_400.0;

/// Time between two looks at the child and at the clock.
const LOOK_EVERY: u32 = 256;

/// Crashes after which there is nothing more to learn.
const CRASHES_MAX: u64 = 100;

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if seconds > 0.0 && seconds <= SECONDS_MAX {
        Ok(seconds)
    } else {
        Err(format!("{text} is not between 0 and {SECONDS_MAX}"))
    }
}

/// What `--json` prints. Fields may be added, but are never renamed or removed.
#[derive(Debug, Serialize)]
struct Report {
    /// How long it took.
    seconds: f64,
    seed: u64,
    /// Reads of up to 64 KiB through maps.
    reads: u64,
    /// Signals that became errors.
    faults: u64,
    /// Bytes that the file never had there.
    wrong_bytes: u64,
    /// Times that the reading process died.
    crashes: u64,
}

/// Runs `cutwater storm` and prints its report; adds its counters to `exporter`. The exit code is 1
/// after a crash or a wrong byte.
///
/// # Errors
/// [`Failure`] if the file cannot be made or changed, or the reading process cannot be started.
pub fn run_storm(args: &StormArgs, exporter: Option<&Exporter>) -> Outcome {
    if let Some(path) = &args.reader {
        return reader::read_until_stdin_ends(path, args.seed);
    }
    let stop = Stop::on_signals()
        .map_err(|e| Failure::new("cannot take over SIGINT and SIGTERM").because(e))?;
    let dirs = args.dir.clone().map_or_else(usual_places, |dir| vec![dir]);
    let mut weather = Weather::over_a_file_in_any(&dirs, args.seed)?;
    let time = Duration::from_secs_f64(args.time);
    let counters = Arc::new(Counters::default());
    if let Some(exporter) = exporter {
        exporter.add(CountersSource(Arc::clone(&counters)));
    }
    let report = storm(&mut weather, args.seed, time, &stop, &counters)?;
    let changes = counters.changes.load(Ordering::Relaxed);
    if args.json {
        output::json(&report)?;
    } else {
        output::text(&for_people(&report, changes))?;
    }
    let is_good = report.wrong_bytes == 0 && report.crashes == 0;
    let code = if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok(stop.exit_code().filter(|_| is_good).unwrap_or(code))
}

fn storm(
    weather: &mut Weather,
    seed: u64,
    time: Duration,
    stop: &Stop,
    counters: &Counters,
) -> Result<Report, Failure> {
    let progress = Progress::milliseconds(time.as_millis() as u64);
    let started = Instant::now();
    let mut child = Child::reading(weather.path(), seed)?;
    let (mut sum, mut crashes, mut children) = (Counts::default(), 0, 0);
    while started.elapsed() < time && !stop.is_set() && crashes < CRASHES_MAX {
        for _ in 0..LOOK_EVERY {
            weather.change()?;
        }
        counters.changes.fetch_add(u64::from(LOOK_EVERY), Ordering::Relaxed);
        counters.record(sum.plus(child.last_heard()), crashes);
        progress.at(started.elapsed().as_millis() as u64);
        if let Some(end) = child.has_died()? {
            crashes += u64::from(end == End::Crash);
            sum = sum.plus(child.counts());
            children += 1;
            child = Child::reading(weather.path(), seed + children)?;
        }
    }
    crashes += u64::from(child.end()? == End::Crash);
    sum = sum.plus(child.counts());
    let Counts { reads, faults, wrong_bytes, .. } = sum;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Report { seconds, seed, reads, faults, wrong_bytes, crashes })
}

fn for_people(r: &Report, changes: u64) -> String {
    let verdict = match (r.crashes, r.wrong_bytes) {
        (0, 0) => "every fault became an error",
        _ => "THIS IS A BUG: please report it with the seed",
    };
    format!(
        "{:.1} s, seed {}: {} to the file, {}\n{} caught, {}, {}: {verdict}\n",
        r.seconds,
        r.seed,
        counted(changes, "change"),
        counted(r.reads, "read"),
        counted(r.faults, "fault"),
        counted(r.wrong_bytes, "wrong byte"),
        counted(r.crashes, "crash")
    )
}
