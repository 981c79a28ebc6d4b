//! Turns the arguments into a plan: they are resolved here once, and travel no further.

mod open;
mod output;
mod times;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::format::is_of_two_fields;
use cutwater_logs::scan::{Log, Request, Zoned};
use cutwater_logs::time::{Nanos, format_utc};
use cutwater_shell::Failure;
use cutwater_shell::logs::zone;
use cutwater_shell::output_file::{Inputs, OutputFile};
use cutwater_shell::words::shown;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Args;
use times::Times;

pub(super) use output::{ArrowForm, GroupForm, Order, Output, RecordForm, Records};
pub(super) use times::Sought;

/// The plan of a scan.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) output: Output,
    pub(super) logs: Vec<Log>,
    pub(super) request: Request,
    /// The read path that was asked for.
    pub(super) path: ReadPath,
    /// Whether a named file could not be opened; it was noted, and the others are read.
    pub(super) some_missing: bool,
    /// The file that all bad lines are written to.
    pub(super) errors: Option<PathBuf>,
    /// What is read, and so never written over.
    pub(super) inputs: Inputs,
    /// The zone in which times are shown, where it is not the log's own.
    pub(super) zoned: Option<Zoned>,
    /// Whether a bad line is a failure.
    pub(super) strict: bool,
    pub(super) quiet: bool,
    /// What `--bench` is to measure instead of printing the output.
    pub(super) bench: Option<Bench>,
    times: Times,
}

/// The options of `--bench`.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) rounds: usize,
    pub(super) json: bool,
    /// The file that the table is written to.
    pub(super) export_csv: Option<PathBuf>,
    /// The directory that flame graphs are drawn into.
    pub(super) flamegraph: Option<PathBuf>,
    /// In a child: the way that it measures,
    pub(super) way: Option<String>,
    /// and whether it draws it.
    pub(super) draw: bool,
}

impl Plan {
    /// Resolves the arguments, and opens the logs; `flamegraph` is where flame graphs go, and
    /// `pictures` are the files that it makes.
    ///
    /// # Errors
    /// When the arguments do not fit together, or no log can be opened.
    pub(super) fn resolve(
        mut args: Args,
        flamegraph: Option<PathBuf>,
        pictures: &[PathBuf],
    ) -> Result<Self, Failure> {
        if let Some(path) = args.bench_way.as_deref().and_then(path_of_way) {
            args.logs.path = path;
        }
        let opener = open::opener(&args)?;
        let output = Output::resolve(&args)?;
        let mut request = request(&args, &output, &opener.zone)?;
        let (logs, some_missing) = open::open_all(&args, &opener)?;
        let inputs = spare(&args, &logs, pictures)?;
        let zoned = fit(&args, &mut request, &logs, &opener.zone)?;
        let bench = args.bench.then_some(Bench {
            rounds: args.rounds.max(1),
            json: args.json,
            export_csv: args.export_csv,
            flamegraph,
            way: args.bench_way,
            draw: args.bench_flame,
        });
        let Args { since, until, last, no_seek, errors, strict, quiet, .. } = args;
        let times = Times { since, until, last, zone: opener.zone, no_seek };
        let path = opener.path;
        Ok(Self {
            output,
            logs,
            request,
            path,
            some_missing,
            errors,
            inputs,
            zoned,
            strict,
            quiet,
            bench,
            times,
        })
    }

    /// What a log is called in JSON.
    pub(super) fn path_text(&self, log: usize) -> String {
        self.logs.get(log).map_or_else(String::new, |l| l.input.path.to_string_lossy().into_owned())
    }

    /// What a log is called for people.
    pub(super) fn name(&self, log: usize) -> String {
        self.logs.get(log).map_or_else(String::new, |l| shown(&l.input.path))
    }

    /// Whether bad lines are looked for in all lines.
    pub(super) fn wants_bad_lines(&self) -> bool {
        self.strict || self.errors.is_some()
    }

    /// Bytes to read, for the progress bar: 0 if they are not known, `None` if there should be no
    /// bar.
    pub(super) fn progress_bytes(&self) -> Option<u64> {
        let in_the_way = self.output.is_records() && io::stdout().is_terminal();
        let plain = |log: &Log| log.input.plain().map(|_| log.input.size());
        let total = || self.logs.iter().map(plain).sum::<Option<u64>>().unwrap_or(0);
        (!self.quiet && !in_the_way && !self.output.is_endless()).then(total)
    }

    /// Limits the request to the times that are asked for.
    ///
    /// # Errors
    /// When a time cannot be understood, or a log has no times or cannot be read.
    pub(super) fn seek(&mut self) -> Result<Sought, Failure> {
        self.times.apply(&self.logs, &mut self.request)
    }

    /// Whether a range of time is asked for.
    pub(super) fn asks_for_times(&self) -> bool {
        self.times.are_asked()
    }

    /// A time as it is shown: in UTC, or in the zone that is asked for.
    pub(super) fn time_text(&self, at: Nanos) -> String {
        self.zoned.as_ref().map_or_else(|| format_utc(at), |zoned| zoned.text(at))
    }
}

/// The read path in the name of a way of `--bench`, such as `mmap/2`.
fn path_of_way(way: &str) -> Option<ReadPath> {
    way.rsplit_once('/').and_then(|(path, _)| path.parse().ok())
}

/// The inputs. Checks that standard output, the files that options name, and the pictures beside
/// them are no inputs, and that no two outputs are one file.
fn spare(args: &Args, logs: &[Log], pictures: &[PathBuf]) -> Result<Inputs, Failure> {
    let mut inputs = args.logs.inputs();
    inputs.add_all(logs.iter().map(|log| &log.input.path));
    OutputFile::standard(&inputs)?;
    let named = args.errors.iter().chain(&args.export_csv);
    inputs.check_all(named.chain(pictures))?;
    Ok(inputs)
}

/// Fits the request to what the logs hold: its words, its fields, and the zone in which their times are shown.
fn fit(
    args: &Args,
    request: &mut Request,
    logs: &[Log],
    zone_in: &TimeZone,
) -> Result<Option<Zoned>, Failure> {
    if request.filter.names_a_time_of_day() {
        let day = times::timestamp(times::latest(logs)?);
        request.filter = conditions(args, zone_in, day)?;
    }
    request.filter.check(logs)?;
    let unknown = open::note_unknown_fields(args, logs, request);
    if !args.follow {
        // What is skipped in a stream cannot be looked at later.
        let is_stream = |log: &Log| log.input.plain().is_none();
        request.examine_all |= !unknown.is_empty() && logs.iter().any(is_stream);
        request.watched = unknown;
    }
    let is_of_two = |name: &str| {
        is_of_two_fields(name) && args.fields.iter().chain(&args.by).any(|asked| asked == name)
    };
    let shows_two = logs.iter().filter_map(|log| log.time.as_deref()).any(is_of_two);
    let zone_out = match &args.tz_out {
        Some(name) => Some(zone(name)?),
        None => shows_two.then(|| zone_in.clone()),
    };
    let zoned = zone_out.map(|zone| Zoned::new(zone, logs));
    request.with_time |= zoned.is_some();
    Ok(zoned)
}

/// All conditions; times of day in them are on the day of `day`.
fn conditions(args: &Args, zone: &TimeZone, day: Timestamp) -> Result<Filter, Failure> {
    let mut all = Filter::default();
    for text in &args.conditions {
        all.and(Filter::parse_on(text, zone, day)?);
    }
    Ok(all)
}

fn request(args: &Args, output: &Output, zone: &TimeZone) -> Result<Request, Failure> {
    let mut request = Request::new(args.logs.threads());
    request.limits.line_bytes_max = usize::from(args.line_max) << 20;
    request.filter = conditions(args, zone, Timestamp::now())?;
    let summary = matches!(output, Output::Summary { .. });
    request.examine_all = summary || args.strict || args.errors.is_some();
    request.locate_all = args.errors.is_some();
    request.with_time = summary;
    request.dotted = true;
    Ok(request)
}
