//! Logs with their formats.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cutwater::ReadPath;

use crate::Result;
use crate::format::{Definition, Format, csv, detect, find_time, given, sample};
use crate::record::mark_length;
use crate::split::{Input, InputKind, Limits, is_elements};
use crate::time::{Rules, find_day_first, find_indented};

/// A log with its format.
#[derive(Debug, Clone)]
pub struct Log {
    /// Where its bytes come from.
    pub input: Input,
    /// Its format.
    pub definition: Definition,
    /// How sure the format is, 0.0 to 1.0; 1.0 where it was given.
    pub confidence: f64,
    /// The field that holds the time.
    pub time: Option<String>,
    /// The zone and the year of stamps that name none.
    pub rules: Rules,
    /// Lines sampled from it.
    pub sample: Vec<u8>,
}

/// How many bytes of a compressed log are sampled.
const STREAM_SAMPLE_BYTES: usize = 64 << 10;

/// Opens a log and finds its format, unless it is given. A stream can be read only once, so only its
/// beginning is sampled.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(
    path: &Path,
    read_path: ReadPath,
    asked: Option<&Definition>,
    zone: &jiff::tz::TimeZone,
) -> Result<Log> {
    let mut input = Input::open(path, read_path)?;
    let may_be_json = asked.is_none_or(|a| matches!(a, Definition::Known(Format::Json)));
    if may_be_json && is_elements(&head(&input, HEAD_BYTES)?) {
        input = input.with_elements();
    }
    let reference_s = fs::metadata(path)
        .map(|m| m.mtime())
        .unwrap_or_else(|_| jiff::Timestamp::now().as_second());
    let mut rules = Rules::new(zone.clone(), reference_s);
    let mut sample = take_sample(&input)?;
    sample.drain(..mark_length(&sample));
    rules.day_first = find_day_first(&sample);
    rules.indented = find_indented(&sample, &rules);
    let (definition, confidence, time) = match asked {
        Some(definition) => (given(definition, &sample, &rules)?, 1.0, None),
        None => {
            let found = detect(&sample, &rules)?;
            // The extension counts, unless the lines are clearly something else.
            let is_other =
                matches!(found.format, Format::Json | Format::Docker | Format::Syslog5424);
            let is_data = matches!(found.format, Format::Data(_)) && found.confidence >= LEAST;
            let fits = |dialect: &csv::Dialect| {
                !(is_other || is_data && found.confidence > dialect.share())
            };
            match csv::Dialect::of_file(path, &sample).filter(fits) {
                Some(dialect) => {
                    let share = dialect.share();
                    (Definition::Csv(dialect), share, None)
                }
                None => (found.definition, found.confidence, found.time),
            }
        }
    };
    let definition = match definition {
        // A sample from many places may begin within quotes, so the head is used.
        Definition::Csv(dialect) => {
            Definition::Csv(dialect.for_log(&whole_lines(head(&input, CSV_BYTES)?)))
        }
        other => other,
    };
    if let Some(rewriter) = definition.rewriter(Limits::default().line_bytes_max) {
        sample = rewriter.sample(&sample);
    }
    let time = match (time, &definition) {
        (None, Definition::Wrapped(wrapping)) => wrapping.time().map(str::to_owned),
        (found, _) => found,
    };
    let time = time.or_else(|| find_time(&definition, &sample, &rules));
    Ok(Log { input, definition, confidence, time, rules, sample })
}

/// The least share of lines at which a format that is data may be believed of a file with separated values.
const LEAST: f64 = 0.5;

/// How much of a log is looked at to find whether it is JSON in one piece.
const HEAD_BYTES: usize = 4 << 10;

/// How much is looked at to find how values are separated.
const CSV_BYTES: usize = 128 << 10;

/// Without the last line, which may be cut.
fn whole_lines(mut head: Vec<u8>) -> Vec<u8> {
    if head.len() >= CSV_BYTES {
        head.truncate(memchr::memrchr(b'\n', &head).map_or(head.len(), |feed| feed + 1));
    }
    head
}

/// The first bytes of a log, decompressed and without the mark.
fn head(input: &Input, bytes: usize) -> Result<Vec<u8>> {
    let mut head = match input.plain() {
        Some(file) => {
            let mut head = vec![0; bytes];
            let n = crate::split::ReadAt::read_at(file, &mut head, 0)?;
            head.truncate(n);
            head
        }
        None => beginning(input, bytes)?.0,
    };
    head.drain(..mark_length(&head));
    Ok(head)
}

/// The first bytes of a stream, and whether they are all.
fn beginning(input: &Input, most: usize) -> Result<(Vec<u8>, bool)> {
    // A stream is read once, so nothing but its head can be looked at.
    if !input.head().is_empty() || input.kind == InputKind::Stream {
        return Ok((input.head_text(), false));
    }
    let mut start = Vec::new();
    let read = input.stream()?.take(most as u64).read_to_end(&mut start);
    if let (Err(e), true) = (read, start.is_empty()) {
        return Err(input.failed(e));
    }
    let whole = start.len() < most;
    Ok((start, whole))
}

fn take_sample(input: &Input) -> Result<Vec<u8>> {
    if let Some(file) = input.plain() {
        return sample(file, input.size());
    }
    let (start, whole) = beginning(input, STREAM_SAMPLE_BYTES)?;
    let mut lines = Vec::new();
    crate::format::take_lines(&start, false, whole, &mut lines);
    Ok(lines)
}
