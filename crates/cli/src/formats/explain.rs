//! How a line is read.

use std::fmt::Write;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use cutwater_logs::format::{Definition, data_formats, detect, find_time};
use cutwater_logs::time::{Clock, Rules, format_utc};
use cutwater_logs::{Fields, Record, Span, SpanKind, value};
use cutwater_shell::logs::{LogOptions, Opener};
use cutwater_shell::words::{printable, shown};
use cutwater_shell::{Failure, Outcome, output};

/// The longest line that is explained, bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Explains `asked`: a line, or line N of a log as `FILE:N`.
pub(super) fn run(asked: &str, options: &LogOptions) -> Outcome {
    let opener = options.opener()?;
    let source = match log_of(asked) {
        Some((path, number)) => {
            let number = number.parse().ok().filter(|&number: &u64| number > 0);
            let number = number.ok_or_else(|| {
                Failure::usage(format!("{asked:?} names no line; write FILE:N, with N from 1 on"))
            })?;
            of_file(path, number, &opener)?
        }
        None => of_line(asked, &opener)?,
    };
    let mut text = String::new();
    let is_record = source.explain(&mut text);
    output::text(&text)?;
    Ok(if is_record { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The log that `asked` names, and the number of its line.
pub(super) fn log_of(asked: &str) -> Option<(&Path, &str)> {
    let (path, number) = asked.rsplit_once(':')?;
    Path::new(path).is_file().then_some((Path::new(path), number))
}

/// A line, and how its log is read.
struct Source {
    line: Vec<u8>,
    definition: Definition,
    confidence: f64,
    rules: Rules,
    time: Option<String>,
}

fn of_line(line: &str, opener: &Opener) -> Result<Source, Failure> {
    let rules = Rules { zone: opener.zone.clone(), ..Rules::default() };
    let sample = line.as_bytes();
    let (definition, confidence) = match &opener.definition {
        Some(given) => (given.for_log(sample, &rules), 1.0),
        None => {
            let found = detect(sample, &rules)?;
            (found.definition, found.confidence)
        }
    };
    let time = opener.time_field.clone().or_else(|| find_time(&definition, sample, &rules));
    Ok(Source { line: sample.to_vec(), definition, confidence, rules, time })
}

fn of_file(path: &Path, number: u64, opener: &Opener) -> Result<Source, Failure> {
    let log = opener.open_one(path)?;
    let failed = |e| Failure::new(format!("cannot read {}", shown(path))).because(e);
    let line = line(log.input.stream()?, number).map_err(failed)?.ok_or_else(|| {
        Failure::new(format!("{} has no line {number} of up to 1 MiB", shown(path)))
    })?;
    let (definition, confidence) = (log.definition, log.confidence);
    Ok(Source { line, definition, confidence, rules: log.rules, time: log.time })
}

/// Line `number` of a log, unless it is too long or not there.
fn line(log: impl Read, number: u64) -> io::Result<Option<Vec<u8>>> {
    let mut log = BufReader::new(log);
    for _ in 1..number {
        if log.skip_until(b'\n')? == 0 {
            return Ok(None);
        }
    }
    let mut line = Vec::new();
    log.take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    let is_there = !line.is_empty();
    if line.ends_with(b"\n") {
        line.pop();
    }
    // A byte order mark is not part of the line.
    if number == 1 && line.starts_with("\u{feff}".as_bytes()) {
        line.drain(.."\u{feff}".len());
    }
    Ok(Some(line).filter(|line| is_there && line.len() <= LINE_BYTES_MAX))
}

impl Source {
    /// Writes how the line is read. Returns whether it is a record.
    fn explain(&self, out: &mut String) -> bool {
        let _ = writeln!(out, "line     {}", printable(&self.line));
        self.format(out);
        let mut fields = Fields::all();
        // The format's own fields come first. One that is two others is there only if asked for.
        let _ = self.definition.parser(&mut fields, &self.rules);
        if let Some(time) = &self.time {
            fields.add(time);
        }
        let mut parser = self.definition.parser(&mut fields, &self.rules);
        let mut record = Record::default();
        parser.begin_block(&self.line);
        match parser.parse(&self.line, 0, &mut fields, &mut record).1 {
            Ok(true) => {}
            Ok(false) => {
                out.push_str("record   none: the line is blank, or says how others are read\n");
                return false;
            }
            Err(fault) => {
                let _ = writeln!(out, "record   none: {} at byte {}", fault.reason, fault.at);
                return false;
            }
        }
        self.time(out, &fields, &record);
        self.fields(out, &fields, &record);
        true
    }

    fn format(&self, out: &mut String) {
        let envelopes: Vec<_> =
            self.definition.envelopes().iter().map(|envelope| envelope.kind().name()).collect();
        if !envelopes.is_empty() {
            let _ = writeln!(out, "inside   {}", envelopes.join(", "));
        }
        let name = self.definition.format().name();
        let _ = write!(out, "format   {name}");
        if let Some(format) = data_formats().find(|format| format.name() == name) {
            let _ = write!(out, " ({})", format.title());
            if let Some(pattern) = format.pattern_of(&self.line) {
                let _ = write!(out, ", pattern {} of {}", pattern + 1, format.patterns().count());
            }
        }
        let _ = writeln!(out, ", {:.0} % of the lines looked at", self.confidence * 100.0);
    }

    fn time(&self, out: &mut String, fields: &Fields, record: &Record) {
        let Some(name) = &self.time else {
            return out.push_str("time     none: no field looks like one\n");
        };
        let span = fields.find(name).map(|id| record.get(id)).unwrap_or_default();
        let moment = value::known_time(span, &self.line, &mut Clock::new(self.rules.clone()));
        let rule = if self.definition.time() == Some(name.as_str()) {
            "the format says that it is the time"
        } else {
            "found by its name and its values"
        };
        let moment = moment.map_or_else(|| "no time".into(), format_utc);
        let _ = writeln!(out, "time     {moment}, from {name}: {rule}");
    }

    fn fields(&self, out: &mut String, fields: &Fields, record: &Record) {
        let mut present: Vec<_> = record.present().collect();
        present.sort_by_key(|(id, span)| (span.start, *id));
        let width = present.iter().map(|(id, _)| fields.name(*id).chars().count()).max();
        let width = width.unwrap_or(0);
        out.push_str("fields\n");
        for (id, span) in present {
            let text = value::text(span, &self.line).unwrap_or_default();
            let name = printable(fields.name(id).as_bytes());
            let _ = writeln!(
                out,
                "  {name:width$}  {:8}  {}",
                place(span, &self.line),
                printable(&text)
            );
        }
    }
}

/// What a value is.
fn place(span: Span, line: &[u8]) -> &'static str {
    match span.kind {
        SpanKind::Missing | SpanKind::Null => "null",
        SpanKind::Bool => "bool",
        SpanKind::Int => "integer",
        SpanKind::Float => "float",
        SpanKind::Json => "json",
        // The name of a level stands for what the line has.
        SpanKind::Str if span.end as usize > line.len() => "level",
        SpanKind::Str | SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => "text",
    }
}
