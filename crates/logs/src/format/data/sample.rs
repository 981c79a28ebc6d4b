//! Sample lines: the tests of a format.

use std::fmt;
use std::sync::Arc;

use super::{Data, DataFormat};
use crate::format::feed;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules, format_utc};
use crate::value;

/// The time by which samples without a year are read: 2026-11-28T12:00:00Z.
const NOW_S: i64 = 1_795_867_200;

/// A line with the right value of every field.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The line; if the log names its own columns, the lines that do so, and one of values.
    pub line: String,
    /// The time of the record, as RFC 3339 in UTC; none where the line has no absolute time.
    pub at: Option<String>,
    /// Every field but that of the time, unless it is null.
    pub fields: Vec<(String, Expected)>,
}

/// The value that a field should have.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A bool.
    Bool(bool),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Int(n) => n.fmt(f),
            Self::Float(n) => write!(f, "{n:?}"),
            Self::Bool(b) => b.fmt(f),
        }
    }
}

/// What is wrong with a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which sample, from 1 on.
    pub sample: usize,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sample {}: {}", self.sample, self.words)
    }
}

impl DataFormat {
    /// Reads every sample, and compares all of its values.
    ///
    /// # Errors
    /// When a pattern is not a regular expression.
    pub fn test(self: &Arc<Self>) -> crate::Result<Vec<Problem>> {
        self.compile()?;
        let mut problems = Vec::new();
        for (at, sample) in self.samples.iter().enumerate() {
            let found = self.test_one(sample);
            problems.extend(found.into_iter().map(|words| Problem { sample: at + 1, words }));
        }
        Ok(problems)
    }

    fn test_one(self: &Arc<Self>, sample: &Sample) -> Vec<String> {
        let block = sample.line.as_bytes();
        let mut fields = Fields::all();
        let mut parser = Data::new(Arc::clone(self), block).parser(&mut fields, &Rules::default());
        let (mut record, mut found) = (Record::default(), false);
        parser.begin_block(block);
        let mut at = 0;
        let has_lines = self.begins.is_some() && sample.line.contains('\n');
        while at < block.len() {
            record.clear();
            let (end, parsed) = if has_lines {
                let end = block.len();
                let lines = (at, feed(block, at), end);
                (end, parser.parse_lines(block, lines, &mut fields, &mut record))
            } else {
                parser.parse(block, at, &mut fields, &mut record)
            };
            match parsed {
                Ok(is_record) => found = is_record,
                Err(fault) => return vec![format!("the line is not read: {}", fault.reason)],
            }
            at = end + 1;
        }
        if !found {
            return vec!["the line is not a record".into()];
        }
        let mut problems = Vec::from_iter(self.wrong_time(sample, &fields, &record));
        problems.extend(self.wrong_values(sample, &fields, &record));
        problems
    }

    fn wrong_time(&self, sample: &Sample, fields: &Fields, record: &Record) -> Option<String> {
        let block = sample.line.as_bytes();
        let rules = Rules { reference_s: NOW_S, ..Rules::default() };
        let span = self.time().and_then(|name| fields.find(name)).map(|id| record.get(id));
        let time = span.and_then(|span| value::time(span, block, &mut Clock::new(rules)));
        let shown = time.map(format_utc);
        if shown == sample.at {
            return None;
        }
        let text = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".into());
        Some(format!("the time is {}, not {}", text(&shown), text(&sample.at)))
    }

    fn wrong_values(&self, sample: &Sample, fields: &Fields, record: &Record) -> Vec<String> {
        let block = sample.line.as_bytes();
        let mut problems = Vec::new();
        let mut present: Vec<_> = record.present().collect();
        present.sort_by_key(|(id, _)| *id);
        for (id, span) in present {
            let name = fields.name(id);
            let expected = sample.fields.iter().find(|(field, _)| field == name);
            if expected.is_none() && (span.kind == SpanKind::Null || self.time() == Some(name)) {
                continue;
            }
            let actual = actual(span, block);
            if expected.map(|(_, value)| value) != actual.as_ref() {
                let actual = actual.map_or_else(|| "null".into(), |value| value.to_string());
                let should = expected.map_or("nothing".into(), |(_, value)| value.to_string());
                problems.push(format!("{name} is {actual}, not {should}"));
            }
        }
        let missing = |name: &str| !fields.find(name).is_some_and(|id| record.get(id).is_present());
        for (name, value) in sample.fields.iter().filter(|(name, _)| missing(name)) {
            problems.push(format!("{name} is missing; it should be {value}"));
        }
        problems
    }
}

/// The value of a span; none where it is null.
fn actual(span: Span, block: &[u8]) -> Option<Expected> {
    let text = value::text(span, block)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(match span.kind {
        SpanKind::Int => Expected::Int(value::integer(span, block)?),
        SpanKind::Float => Expected::Float(value::number(span, block)?),
        SpanKind::Bool => Expected::Bool(value::boolean(span, block)?),
        _ => Expected::Text(text),
    })
}
