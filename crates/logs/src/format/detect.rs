//! Which format a log is in, from lines sampled across it.

use super::each::for_each_record;
use super::evidence::share;
use super::{Definition, Format, csv, data, find_time};
use crate::record::Fields;
use crate::time::{Clock, Rules};
use crate::{Error, Result};

/// What a log was found to be.
#[derive(Debug, Clone)]
pub struct Detected {
    /// The format; of the lines inside, where they are in envelopes.
    pub format: Format,
    /// The format with its envelopes.
    pub definition: Definition,
    /// Share of the sampled lines that are of it, 0.0 to 1.0; for raw lines, how sure it is that no
    /// other format fits.
    pub confidence: f64,
    /// The field that holds the time, if there is one.
    pub time: Option<String>,
    /// Lines sampled.
    pub lines: usize,
}

/// A specific format wins at this share even when a looser one fits more lines.
const SURE: f64 = 0.9;

/// Below this share a format is not believed; text with times may have many lines without.
const LEAST: f64 = 0.5;
const LEAST_PLAIN: f64 = 0.2;

/// If the first line begins with a time, fewer lines need one: records may be long. A single record
/// proves this only if there are few lines.
const LEAST_LONG: f64 = 0.005;
const LINES_OF_ONE: usize = 40;

/// Among lines of text, JSON is believed from this share on; among lines with times, which may
/// print an object now and then, from the higher one on.
const LEAST_MIXED: f64 = 0.1;
pub(super) const LEAST_MIXED_TIMES: f64 = 0.3;

/// Lines of text beside JSON are records where they are at least this share of the sample, and otherwise
/// bad lines. Within an envelope, whatever a program writes is there, so less text is enough.
const LEAST_TEXT: f64 = 0.2;
const LEAST_TEXT_INSIDE: f64 = 0.02;

/// Without an envelope, one line of text alone is a bad line.
const LEAST_TEXTS: usize = 2;

/// Finds the format of sampled lines without looking into envelopes; an empty sample is raw lines with
/// confidence 0.
///
/// # Errors
/// None at present; a request that cannot be served would be one.
pub(super) fn bare(sample: &[u8], rules: &Rules) -> Result<Detected> {
    let lines = sample.split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()).count();
    let mut shares = Vec::new();
    for format in Format::NAMED {
        let share = share(format, sample, rules);
        shares.push((format, if lines == 0 { 0.0 } else { share as f64 / lines as f64 }));
    }
    let least_of_text = least_of_text(sample, rules, lines);
    if let Some((format, share)) = data_format(sample, &shares, least_of_text) {
        let definition = Definition::of(format, sample, rules);
        let time = find_time(&definition, sample, rules);
        return Ok(Detected { format, definition, confidence: share, time, lines });
    }
    let known = &shares[..shares.len() - 1];
    let best = known.iter().map(|s| s.1).fold(0.0, f64::max);
    let chosen = known
        .iter()
        .find(|(_, share)| *share >= SURE)
        .or_else(|| known.iter().find(|(f, s)| *s == best && *s >= least(*f, least_of_text)));
    // A web server may write its errors and its requests to one stream.
    let access = shares.iter().find(|(f, s)| *f == Format::Access && *s >= LEAST && *s < SURE);
    if let (Some(&(format, share)), Some((Format::Plain, _))) = (access, chosen) {
        let definition = Definition::of(format, sample, rules);
        let time = find_time(&definition, sample, rules);
        let definition = super::envelope::mixed(definition, time.clone());
        return Ok(Detected { format, definition, confidence: share, time, lines });
    }
    let is_text = chosen.is_none_or(|(format, _)| *format == Format::Plain);
    if let Some(dialect) = csv::Dialect::of_lines(sample).filter(|_| is_text) {
        let confidence = dialect.share();
        let definition = Definition::Csv(dialect);
        let time = find_time(&definition, sample, rules);
        return Ok(Detected { format: Format::Csv, definition, confidence, time, lines });
    }
    let json = json_share(&shares);
    let (format, confidence) = match chosen {
        Some(&(Format::Plain, share)) if share < SURE && json >= LEAST_MIXED_TIMES => {
            (Format::Json, json)
        }
        Some(&(format, share)) => (format, share),
        None if json >= LEAST_MIXED => (Format::Json, json),
        // Broken JSON is still JSON: its lines are bad ones, not text.
        None if json_share(&shares) > 0.0 && begins_like_json(sample) * 2 > lines => {
            (Format::Json, json_share(&shares))
        }
        None => (Format::Raw, if lines == 0 { 0.0 } else { 1.0 - best }),
    };
    let definition = Definition::of(format, sample, rules);
    let time = find_time(&definition, sample, rules);
    let text = texts(sample, false);
    let mixed =
        format == Format::Json && text >= LEAST_TEXTS && text as f64 >= LEAST_TEXT * lines as f64;
    let definition =
        if mixed { super::envelope::mixed(definition, time.clone()) } else { definition };
    Ok(Detected { format, definition, confidence, time, lines })
}

/// Whether `text` of `lines` in an envelope are enough to be records.
pub(super) fn is_mixture(text: usize, lines: usize) -> bool {
    text > 0 && text as f64 >= LEAST_TEXT_INSIDE * lines as f64
}

/// How many lines are text beside JSON, and not a part of a stack trace, or of an object that was torn or
/// printed over several lines.
pub(super) fn texts(sample: &[u8], with_traces: bool) -> usize {
    let is_text = |line: &&[u8]| {
        let continues = !with_traces && super::trace::continues(line);
        let line = line.trim_ascii();
        let torn = line.is_empty()
            || line.contains(&0)
            || b"{[\"]},".contains(&line[0])
            || b"{}[],".contains(&line[line.len() - 1])
            || memchr::memmem::find(line, b"\":").is_some();
        !torn && !continues && line.iter().any(u8::is_ascii_alphabetic)
    };
    sample.split(|&b| b == b'\n').filter(is_text).count()
}

/// The data format that reads the sample: nearly all lines, or, in text, the lines that begin a
/// record if no other format reads more.
fn data_format(
    sample: &[u8],
    shares: &[(Format, f64)],
    least_of_text: f64,
) -> Option<(Format, f64)> {
    let strict = [Format::Docker, Format::Json, Format::Syslog5424, Format::Cri];
    if shares.iter().any(|(format, share)| strict.contains(format) && *share >= SURE) {
        return None;
    }
    let (format, share) = data::detect(sample)?;
    let others = shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let wins = share >= SURE || (share >= least_of_text && share >= others * SURE);
    wins.then_some((Format::Data(format.name()), share))
}

fn json_share(shares: &[(Format, f64)]) -> f64 {
    shares.iter().find(|(format, _)| *format == Format::Json).map_or(0.0, |s| s.1)
}

/// How many lines begin as an object does.
fn begins_like_json(sample: &[u8]) -> usize {
    sample.split(|&b| b == b'\n').filter(|l| l.trim_ascii_start().starts_with(b"{")).count()
}

fn least(format: Format, least_of_text: f64) -> f64 {
    if format == Format::Plain { least_of_text } else { LEAST }
}

/// The least share of lines with a time in text.
fn least_of_text(sample: &[u8], rules: &Rules, lines: usize) -> f64 {
    let first = sample.split(|&b| b == b'\n').find(|line| !line.trim_ascii().is_empty());
    let front = first.and_then(|line| Clock::new(rules.clone()).find_front(line));
    match front {
        // In brackets at most.
        Some(front) if front.start <= 1 && lines <= LINES_OF_ONE => 0.0,
        Some(front) if front.start <= 1 => LEAST_LONG.max(1.5 / lines as f64),
        _ => LEAST_PLAIN,
    }
}

/// Names of the fields that the records of sampled lines have.
#[must_use]
pub fn field_names(definition: &Definition, sample: &[u8]) -> Vec<String> {
    let mut fields = Fields::all();
    for_each_record(definition, sample, &Rules::default(), &mut fields, |_, _, _| {});
    with_moment(fields.names().to_vec(), definition, sample)
}

/// The names, and that of a time in two of the fields.
fn with_moment(mut names: Vec<String>, definition: &Definition, sample: &[u8]) -> Vec<String> {
    if super::moment::candidates(&names).next().is_some()
        && let Some(time) = find_time(definition, sample, &Rules::default())
        && !names.contains(&time)
    {
        names.push(time);
    }
    names
}

/// Names of the fields that some record of sampled lines has. A format may have further ones, such as a level that none of these lines has.
#[must_use]
pub fn present_names(definition: &Definition, sample: &[u8]) -> Vec<String> {
    let mut present = Vec::new();
    let mut fields = Fields::all();
    for_each_record(definition, sample, &Rules::default(), &mut fields, |fields, record, _| {
        present.resize(fields.names().len(), false);
        record.present().for_each(|(id, _)| present[usize::from(id.0)] = true);
    });
    let names = fields.names().iter().zip(present);
    let names = names.filter(|(_, present)| *present).map(|(name, _)| name.clone()).collect();
    with_moment(names, definition, sample)
}

/// Checks that a request for a time can be met.
///
/// # Errors
/// When no field holds a time.
pub fn need_time(time: Option<&String>, what: &str) -> Result<String> {
    time.cloned().ok_or_else(|| {
        Error::request(format!(
            "{what} needs a time, and no field looks like one; name it with --time-field"
        ))
    })
}
