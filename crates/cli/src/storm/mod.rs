//! `cutwater storm`: maps of a file that another process truncates, for as long as you watch.
//!
//! This process is the storm: it truncates, extends and punches holes into a temporary file. A
//! child reads it through maps on four threads and checks every byte; were it to die of a
//! signal, that is counted and a new one takes over.

mod bytes;
mod reader;
mod told;
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
use cutwater_shell::{Outcome, output};
use reader::{Child, Counts, End};
use told::{Scraped, Told};
use weather::Weather;

/// The flags of `cutwater storm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    time: f64,

    /// Where the random changes and reads start from.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Directory, and so the file system, of the temporary file [default: the system's].
    #[arg(long)]
    dir: Option<PathBuf>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    /// The part of the child: read this file until standard input ends.
    #[arg(long, hide = true, value_name = "FILE")]
    reader: Option<PathBuf>,
}

/// A day; longer storms are more of the same.
const SECONDS_MAX: f64 = 86_400.0;

/// Between two looks at the child and at the clock.
const LOOK_EVERY: u32 = 256;

/// Crashes after which there is nothing more to learn.
const CRASHES_MAX: u64 = 100;

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    if seconds > 0.0 && seconds <= SECONDS_MAX {
        Ok(seconds)
    } else {
        Err(format!("{text} is not between 0 and {SECONDS_MAX}"))
    }
}

/// What `--json` prints. Fields are added, and neither renamed nor removed.
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

/// Runs the command.
pub(crate) fn run(args: &Args, mounted: Option<&Exporter>) -> Outcome {
    if let Some(path) = &args.reader {
        return reader::run(path, args.seed);
    }
    let stop = Stop::on_signals()
        .map_err(|e| Failure::new("cannot take over SIGINT and SIGTERM").because(e))?;
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut weather = Weather::over_a_file_in(&dir, args.seed)?;
    let time = Duration::from_secs_f64(args.time);
    let told = Arc::new(Told::default());
    if let Some(mounted) = mounted {
        mounted.add(Scraped(Arc::clone(&told)));
    }
    let report = storm(&mut weather, args.seed, time, &stop, &told)?;
    let changes = told.changes.load(Ordering::Relaxed);
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
    told: &Told,
) -> Result<Report, Failure> {
    let progress = Progress::milliseconds(time.as_millis() as u64);
    let started = Instant::now();
    let mut child = Child::reading(weather.path(), seed)?;
    let (mut sum, mut crashes, mut children) = (Counts::default(), 0, 0);
    while started.elapsed() < time && !stop.is_set() && crashes < CRASHES_MAX {
        for _ in 0..LOOK_EVERY {
            weather.change()?;
        }
        told.changes.fetch_add(u64::from(LOOK_EVERY), Ordering::Relaxed);
        tell(told, sum.plus(child.last_heard()), crashes);
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

fn tell(told: &Told, counts: Counts, crashes: u64) {
    told.reads.store(counts.reads, Ordering::Relaxed);
    told.faults.store(counts.faults, Ordering::Relaxed);
    told.wrong_bytes.store(counts.wrong_bytes, Ordering::Relaxed);
    told.crashes.store(crashes, Ordering::Relaxed);
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
