//! From arguments to what is to be done.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::thread;

use cutwater_logs::bad::printable;
use cutwater_logs::columns::ColumnType;
use cutwater_logs::filter::{Filter, LINE};
use cutwater_logs::format::{Definition, Format, field_names, need_time};
use cutwater_logs::scan::{Log, Measure, Request, open};
use cutwater_logs::seek::{last_time, seek};
use cutwater_logs::time::{Nanos, parse_when};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Args;
use crate::failure::Failure;
use crate::output;
use crate::words::shown;

/// What to print.
#[derive(Debug)]
pub(super) enum Mode {
    Count,
    Groups { by: Vec<String>, measures: Vec<Measure>, limit: Option<usize> },
    Lines,
    Fields(Vec<String>),
    Summary,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) args: Args,
    pub(super) mode: Mode,
    pub(super) logs: Vec<Log>,
    pub(super) request: Request,
    /// Whether a file that was named could not be opened; it was told, and the others are read.
    pub(super) some_missing: bool,
    zone: TimeZone,
}

/// The most threads that may be asked for.
const THREADS_MAX: usize = 1024;

impl From<cutwater_logs::Error> for Failure {
    fn from(error: cutwater_logs::Error) -> Self {
        if error.is_request() {
            Self::usage(error.to_string())
        } else {
            // It names files, and has one line.
            Self::new(printable(error.to_string().as_bytes()))
        }
    }
}

impl Plan {
    pub(super) fn new(args: Args) -> Result<Self, Failure> {
        let zone = zone(&args.tz)?;
        let definition = definition(&args)?;
        let mode = mode(&args)?;
        let request = request(&args, &mode, &zone)?;
        let (logs, some_missing) = open_all(&args, definition.as_ref(), &zone)?;
        tell_unknown(&args, &logs, &request);
        Ok(Self { args, mode, logs, request, some_missing, zone })
    }

    /// Checks that what is written goes to no log that is read.
    pub(super) fn spares_logs(&self) -> Result<(), Failure> {
        let args = &self.args;
        let drawn = args.flamegraph.as_deref().filter(|_| !args.bench);
        let written = [args.errors.as_deref(), args.export_csv.as_deref(), drawn];
        let logs: Vec<_> = self.logs.iter().map(|log| log.input.path.as_path()).collect();
        written.into_iter().flatten().try_for_each(|file| output::spares(file, &logs))
    }

    /// What a log is called in JSON.
    pub(super) fn path_text(&self, log: usize) -> String {
        self.logs.get(log).map_or_else(String::new, |l| l.input.path.to_string_lossy().into_owned())
    }

    /// What a log is called for people.
    pub(super) fn name(&self, log: usize) -> String {
        self.logs.get(log).map_or_else(String::new, |l| shown(&l.input.path))
    }

    pub(super) fn wants_bad_lines(&self) -> bool {
        self.args.strict || self.args.errors.is_some()
    }

    /// Bytes to read, for the progress bar: 0 where they are not known, nothing where there
    /// should be no bar.
    pub(super) fn progress_bytes(&self) -> Option<u64> {
        let written = matches!(self.mode, Mode::Lines | Mode::Fields(_));
        let to_terminal = std::io::stdout().is_terminal() && written;
        let plain = |log: &Log| log.input.plain().map(|_| log.input.size());
        let total = || self.logs.iter().map(plain).sum::<Option<u64>>().unwrap_or(0);
        (!self.args.quiet && !to_terminal && !self.args.follow).then(total)
    }

    /// Turns times into byte ranges where the logs are sorted; the pages that it took.
    pub(super) fn seek(&mut self) -> Result<u64, Failure> {
        let args = &self.args;
        if args.since.is_none() && args.until.is_none() && args.last.is_none() {
            return Ok(0);
        }
        let now = Timestamp::now();
        let moment = |text: &Option<String>| -> Result<Option<Nanos>, Failure> {
            text.as_ref().map(|t| parse_when(t, &self.zone, now)).transpose().map_err(Failure::from)
        };
        let (mut since, until) = (moment(&args.since)?, moment(&args.until)?);
        if let (Some(from), Some(to)) = (since, until)
            && from >= to
        {
            return Err(Failure::usage("--until is not after --since, so that no record is meant"));
        }
        let no_duration = |text: &String| {
            Failure::usage(format!("--last takes a duration such as 15m or 2h30m, not {text:?}"))
        };
        let last = moment(&args.last);
        if let Some(last) = last.map_err(|e| args.last.as_ref().map_or(e, no_duration))? {
            let span = now.as_nanosecond() as i64 - last;
            since = self.latest()?.map(|end| end.saturating_sub(span));
        }
        let mut pages = 0;
        for log in &self.logs {
            need_time(log.time.as_ref(), "choosing records by time")?;
            let found = seek(log, since, until)?;
            if let Some(found) = &found {
                pages += found.pages_touched;
                if !found.sorted {
                    let name = shown(&log.input.path);
                    super::report::note(&format!(
                        "{name} is not sorted by time: all of it is read"
                    ));
                }
            }
            self.request.ranges.push(found.map(|f| f.range));
        }
        self.request.filter.between(since, until);
        Ok(pages)
    }

    /// The time of the last record of all logs; now, where none can be had.
    fn latest(&self) -> Result<Option<Nanos>, Failure> {
        let mut latest = None;
        for log in &self.logs {
            if log.input.plain().is_none() {
                super::report::note(&format!(
                    "the last record of {} is known only when all is read, so that --last counts \
                     from now; --since takes a time",
                    shown(&log.input.path)
                ));
            }
            latest = latest.max(last_time(log)?);
        }
        Ok(latest.or(Some(Timestamp::now().as_nanosecond() as i64)))
    }
}

/// Opens the logs that are named; also whether some could not be. One that cannot be opened does
/// not keep the others from being read, unless it is the only one.
fn open_all(
    args: &Args,
    definition: Option<&Definition>,
    zone: &TimeZone,
) -> Result<(Vec<Log>, bool), Failure> {
    let paths = expand(&args.files)?;
    let (mut logs, mut some_missing) = (Vec::new(), false);
    for path in &paths {
        match open(path, args.path, definition, zone) {
            Ok(log) => logs.push(log),
            Err(e) if paths.len() == 1 || e.is_request() => return Err(e.into()),
            Err(e) => {
                super::report::note(&e.to_string());
                some_missing = true;
            }
        }
    }
    if logs.is_empty() {
        return Err(Failure::new(format!("none of the {} files can be read", paths.len())));
    }
    for log in &mut logs {
        if args.time_field.is_some() {
            log.time.clone_from(&args.time_field);
        }
        tell_unread(log);
    }
    Ok((logs, some_missing))
}

/// Which program decompresses a file that begins so, of those that are not read here.
fn decompressed_by(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..] => Some("bzip2"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        _ => None,
    }
}

/// Says of a log in UTF-16, as Windows writes them, and of one that is compressed in a way that is
/// not known, how to read it: here its lines are bytes.
fn tell_unread(log: &Log) {
    if let Some(program) = decompressed_by(&log.sample) {
        let name = shown(&log.input.path);
        super::report::note(&format!(
            "{name} begins as what {program} compresses, which is not decompressed here; try: \
             {program} -dc {name} | cutwater scan -"
        ));
    }
    if log.sample.starts_with(b"\xff\xfe") || log.sample.starts_with(b"\xfe\xff") {
        let name = shown(&log.input.path);
        super::report::note(&format!(
            "{name} begins as UTF-16 does, which is not read here; try: \
             iconv -f UTF-16 -t UTF-8 {name} | cutwater scan -"
        ));
    }
}

/// How many names are listed where one is not known.
const NAMES_SHOWN: usize = 12;

/// Says which fields no sampled record has: nothing forbids to ask, but it may be a misspelling.
fn tell_unknown(args: &Args, logs: &[Log], request: &Request) {
    let measured = args.agg.iter().filter_map(|text| Measure::parse(text));
    let measured: Vec<_> = measured.filter_map(|m| m.field().map(str::to_owned)).collect();
    let top = args.top.iter().flatten().skip(1).cloned();
    let arrow = args.arrow || args.arrow_file;
    let bare = |name: &String| match name.rsplit_once(':') {
        Some((bare, kind)) if arrow && kind.parse::<ColumnType>().is_ok() => bare.to_owned(),
        _ => name.clone(),
    };
    let of_filter = request.filter.fields().map(str::to_owned);
    let fields = args.fields.iter().map(bare).chain(args.by.iter().cloned());
    let asked: Vec<String> = fields.chain(top).chain(measured).chain(of_filter).collect();
    if asked.is_empty() || logs.iter().all(|log| log.sample.is_empty()) {
        return;
    }
    let mut known: Vec<String> = Vec::new();
    // Of several logs in the order of the first; no field twice.
    for name in logs.iter().flat_map(|log| field_names(&log.definition, &log.sample)) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    for name in asked.iter().filter(|name| *name != LINE) {
        let inside = format!("{name}.");
        let is_it = |k: &String| {
            let dotted = k.replace("\\.", ".");
            k == name || dotted == *name || k.starts_with(&inside) || dotted.starts_with(&inside)
        };
        if known.iter().any(is_it) {
            continue;
        }
        let some = known.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        super::report::note(&format!("no sampled record has a field {name:?}; there are {some}"));
    }
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    match name {
        "UTC" | "utc" => Ok(TimeZone::UTC),
        "local" => Ok(TimeZone::system()),
        _ => TimeZone::get(name).map_err(|e| {
            Failure::usage(format!("no time zone is called {name:?}; try Europe/Berlin")).because(e)
        }),
    }
}

fn definition(args: &Args) -> Result<Option<Definition>, Failure> {
    Ok(match (&args.format, &args.regex, &args.log_format) {
        (Some(name), ..) => Some(Definition::Known(name.parse::<Format>()?)),
        (_, Some(pattern), _) => Some(Definition::regex(pattern)?),
        (.., Some(template)) => Some(Definition::nginx(template)?),
        _ => None,
    })
}

fn mode(args: &Args) -> Result<Mode, Failure> {
    let groups = args.top.is_some() || !args.by.is_empty();
    let forms = [(args.csv, "--csv"), (args.tsv, "--tsv"), (args.ndjson, "--ndjson")];
    let columns = [(args.arrow, "--arrow"), (args.arrow_file, "--arrow-file")];
    if let Some((_, form)) = columns.iter().find(|(asked, _)| *asked && args.fields.is_empty()) {
        return Err(Failure::usage(format!("{form} writes fields; name them with --fields")));
    }
    let rows = groups || !args.fields.is_empty();
    if let Some((_, form)) = forms.iter().find(|(asked, _)| *asked && !rows) {
        return Err(Failure::usage(format!(
            "{form} writes fields or groups; name them with --fields or --by"
        )));
    }
    if args.count {
        return Ok(Mode::Count);
    }
    if let Some([n, field]) = args.top.as_deref() {
        let limit = n.parse().map_err(|_| {
            Failure::usage(format!("--top takes a number and a field, and {n:?} is no number"))
        })?;
        let by = vec![field.clone()];
        return Ok(Mode::Groups { by, measures: vec![Measure::Count], limit: Some(limit) });
    }
    if !args.by.is_empty() {
        let measure = |text: &String| {
            Measure::parse(text).ok_or_else(|| {
                Failure::usage(format!("{text:?} is no measure; try count or avg(FIELD)"))
            })
        };
        let measures: Vec<_> = args.agg.iter().map(measure).collect::<Result<_, _>>()?;
        let measures = if measures.is_empty() { vec![Measure::Count] } else { measures };
        return Ok(Mode::Groups { by: args.by.clone(), measures, limit: None });
    }
    if !args.fields.is_empty() {
        return Ok(Mode::Fields(args.fields.clone()));
    }
    let lines = !args.conditions.is_empty() && !args.json;
    if lines || args.follow || args.merge || args.head.is_some() || args.tail.is_some() {
        return Ok(Mode::Lines);
    }
    Ok(Mode::Summary)
}

fn request(args: &Args, mode: &Mode, zone: &TimeZone) -> Result<Request, Failure> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut request = Request::new(args.threads.unwrap_or(cores).clamp(1, THREADS_MAX));
    request.limits.line_bytes_max = usize::from(args.line_max) << 20;
    for text in &args.conditions {
        request.filter.and(Filter::parse(text, zone)?);
    }
    let summary = matches!(mode, Mode::Summary);
    request.examine_all = summary || args.strict || args.errors.is_some();
    request.locate_all = args.errors.is_some();
    request.with_time = summary;
    request.dotted = true;
    Ok(request)
}

/// The paths that the arguments name: a name that is no file but looks like a glob is one.
fn expand(names: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for path in names {
        // A name that is not UTF-8 is no pattern of ours.
        let glob = path.to_str().filter(|name| name.contains(['*', '?', '[']));
        let Some(name) = glob.filter(|_| !path.exists()) else {
            paths.push(path.clone());
            continue;
        };
        // What is no glob is a name all the same, and is told as one that is not there.
        let Ok(matches) = glob::glob(name) else {
            paths.push(path.clone());
            continue;
        };
        let before = paths.len();
        paths.extend(matches.filter_map(Result::ok).filter(|p| p.is_file()));
        if paths.len() == before {
            return Err(Failure::new(format!("no file matches {name:?}")));
        }
    }
    Ok(paths)
}
