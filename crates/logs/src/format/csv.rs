//! Separated values: CSV (RFC 4180), TSV, and variants with other delimiters, with comments, or
//! without a header.
//!
//! A record has as many values as there are columns; any other line is a bad one. Quotes keep delimiters
//! and line breaks, and a doubled quote stands for one. An empty value without quotes is null.

mod find;
mod header;
mod settings;

use std::path::Path;
use std::sync::Arc;

use super::cursor::{Slot, classify};
use super::{feed, is_blank};
use crate::Result;
use crate::bad::Reason;
use crate::json::Fault;
use crate::record::{Fields, Record, Span, SpanKind, without_return};
use crate::split::{COMPRESSED_ENDS, RECORD_BYTES_MAX};

use settings::Settings;

/// How a log separates its values, and what its columns are called.
#[derive(Debug, Clone)]
pub struct Dialect {
    settings: Settings,
    delimiter: u8,
    /// What comment lines begin with.
    comment: Option<u8>,
    /// The record that names the columns, as it stands.
    header: Option<Arc<[u8]>>,
    names: Arc<[String]>,
    /// The share of the sampled records that have as many values as there are columns.
    share: f64,
}

impl Dialect {
    /// The dialect of a name, perhaps with settings: `csv,delimiter=;,header=no,comment=#`. `None`
    /// for another format. The rest is found from the lines of each log ([`Self::for_log`]).
    ///
    /// # Errors
    /// When a setting is not known.
    pub(super) fn named(name: &str) -> Result<Option<Self>> {
        let settings = settings::named(name)?;
        Ok(settings.map(|settings| find::find(b"", settings)))
    }

    /// The dialect of a file with the extension of separated values, also a compressed one.
    pub(crate) fn of_file(path: &Path, sample: &[u8]) -> Option<Self> {
        let ends = |path: &Path| path.extension()?.to_str().map(str::to_ascii_lowercase);
        let end = ends(path)?;
        let end = if COMPRESSED_ENDS.contains(&end.as_str()) {
            ends(Path::new(path.file_stem()?))?
        } else {
            end
        };
        let settings = match end.as_str() {
            "csv" => Settings::default(),
            "tsv" | "tab" => Settings { delimiter: Some(b'\t'), ..Settings::default() },
            _ => return None,
        };
        Some(find::find(sample, settings))
    }

    /// The dialect of sampled lines.
    pub(super) fn found(sample: &[u8]) -> Self {
        find::find(sample, Settings::default())
    }

    /// The dialect of a log that is clearly separated values: columns with names, and as many
    /// values in each sampled line.
    pub(super) fn of_lines(sample: &[u8]) -> Option<Self> {
        find::without_doubt(sample)
    }

    /// The same settings for another log.
    pub(crate) fn for_log(&self, sample: &[u8]) -> Self {
        find::find(sample, self.settings.clone())
    }

    /// The share of the sampled records that have as many values as there are columns, 0.0 to 1.0.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Whether a record names the columns.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Whether the user said if there is a header.
    #[must_use]
    pub fn is_header_given(&self) -> bool {
        self.settings.header.is_some()
    }

    /// Whether the columns have names without a header, as those of PostgreSQL's csvlog.
    #[must_use]
    pub fn has_known_names(&self) -> bool {
        self.names.first().is_some_and(|name| name != header::FIRST_NUMBERED)
    }

    /// What was found, in words: `separated by ';', with a header`.
    #[must_use]
    pub fn words(&self) -> String {
        let delimiter = match self.delimiter {
            b',' => "commas".to_owned(),
            b'\t' => "tabs".to_owned(),
            other => format!("'{}'", char::from(other)),
        };
        let header = if self.has_header() { "with a header" } else { "without a header" };
        let comments = match self.comment {
            Some(mark) => format!(", comments after {}", char::from(mark)),
            None => String::new(),
        };
        format!("separated by {delimiter}, {header}{comments}")
    }

    fn is_comment(&self, line: &[u8]) -> bool {
        self.comment.is_some_and(|mark| line.first() == Some(&mark))
    }
}

/// A value of a record, as offsets into the text.
#[derive(Debug, Clone, Copy)]
struct Value {
    start: usize,
    /// One past its last byte, without quotes.
    end: usize,
    quoted: bool,
    /// Whether two quotes stand for one in it.
    doubled: bool,
}

/// Cuts the record that begins at `start` into its values. Returns where it ends: at its line feed, or the
/// end of the text.
fn cut(
    text: &[u8],
    start: usize,
    delimiter: u8,
    mut each: impl FnMut(Value),
) -> std::result::Result<usize, Reason> {
    let mut at = start;
    loop {
        let value = match quote_at(text, at) {
            Some(open) => quoted(text, open + 1)?,
            None => {
                let rest = &text[at..];
                let end = memchr::memchr2(delimiter, b'\n', rest).map_or(text.len(), |n| at + n);
                Value { start: at, end, quoted: false, doubled: false }
            }
        };
        let mut next = value.end + usize::from(value.quoted);
        if text.get(next..).is_some_and(|rest| rest == b"\r" || rest.starts_with(b"\r\n")) {
            next += 1;
        }
        let after = text.get(next).copied();
        let is_last = matches!(after, None | Some(b'\n'));
        if !is_last && after != Some(delimiter) {
            return Err(Reason::Unexpected);
        }
        let end = if value.quoted || !is_last {
            value.end
        } else {
            value.start + without_return(&text[value.start..value.end]).len()
        };
        each(Value { end, ..value });
        if is_last {
            return Ok(next.min(text.len()));
        }
        at = next + 1;
    }
}

/// Where the quote is that a value begins with, perhaps after blanks.
fn quote_at(text: &[u8], at: usize) -> Option<usize> {
    let blanks = text.get(at..)?.iter().take_while(|&&b| b == b' ').count();
    (text.get(at + blanks) == Some(&b'"')).then_some(at + blanks)
}

/// The value whose quotes were opened before `start`.
fn quoted(text: &[u8], start: usize) -> std::result::Result<Value, Reason> {
    let limit = text.len().min(start + RECORD_BYTES_MAX);
    let (mut at, mut doubled) = (start, false);
    loop {
        at += memchr::memchr(b'"', &text[at..limit]).ok_or(Reason::EndsEarly)?;
        if text.get(at + 1) != Some(&b'"') {
            return Ok(Value { start, end: at, quoted: true, doubled });
        }
        doubled = true;
        at += 2;
        if at > limit {
            return Err(Reason::EndsEarly);
        }
    }
}

/// Parses records.
#[derive(Debug)]
pub(super) struct Csv {
    dialect: Dialect,
    slots: Vec<Slot>,
    values: Vec<Value>,
}

impl Csv {
    pub(super) fn new(dialect: &Dialect, fields: &mut Fields) -> Self {
        let slots = dialect.names.iter().map(|name| Slot::new(fields, name)).collect();
        Self { dialect: dialect.clone(), slots, values: Vec::new() }
    }

    /// As [`super::Parser::parse`]. A record may end in a later line than it begins in; a bad line is one
    /// line.
    pub(super) fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        record: &mut Record,
    ) -> (usize, std::result::Result<bool, Fault>) {
        let line_end = feed(block, start);
        let line = &block[start..line_end];
        if is_blank(line) || self.dialect.is_comment(line) {
            return (line_end, Ok(false));
        }
        if let Some(end) = self.header_end(block, start) {
            return (end, Ok(false));
        }
        match self.set(block, start, record) {
            Ok(end) => (end, Ok(true)),
            Err(reason) => (line_end, Err(Fault { reason, at: start })),
        }
    }

    /// Where the header ends, if it begins at `start`: files that were joined have one each.
    fn header_end(&self, block: &[u8], start: usize) -> Option<usize> {
        let header = self.dialect.header.as_deref()?;
        let rest = block[start..].strip_prefix(header)?;
        let end = start + header.len();
        match rest {
            [] | [b'\n', ..] => Some(end),
            [b'\r'] | [b'\r', b'\n', ..] => Some(end + 1),
            _ => None,
        }
    }

    fn set(
        &mut self,
        block: &[u8],
        start: usize,
        record: &mut Record,
    ) -> std::result::Result<usize, Reason> {
        let Self { dialect, slots, values } = self;
        values.clear();
        // One more than there are columns shows that there are too many.
        let keep = |value| {
            if values.len() <= slots.len() {
                values.push(value)
            }
        };
        let end = cut(block, start, dialect.delimiter, keep)?;
        if values.len() != slots.len() {
            return Err(Reason::NoMatch);
        }
        for (slot, value) in slots.iter().zip(&*values) {
            slot.set(record, span(*value, block));
        }
        Ok(end)
    }

    /// Whether a line is a whole record by itself. A line within quotes hardly ever looks like one.
    pub(super) fn is_record(&self, line: &[u8]) -> bool {
        let mut count = 0;
        let cut = cut(line, 0, self.dialect.delimiter, |_| count += 1);
        cut.is_ok() && count == self.slots.len()
    }
}

/// What a value is. Quotes say nothing about its type: many programs quote all values.
fn span(value: Value, block: &[u8]) -> Span {
    let Value { start, end, quoted, doubled } = value;
    let span = Span::new(SpanKind::Str, start, end);
    if doubled {
        return Span { kind: SpanKind::Doubled, ..span };
    }
    if start == end && !quoted {
        return Span { kind: SpanKind::Null, ..span };
    }
    match classify(span, block) {
        // A dash is nothing in access logs, and a text here.
        Span { kind: SpanKind::Null, .. } => span,
        classified => classified,
    }
}

/// Calls `each` with the place and the number of values of each record, until it returns false.
fn for_each(
    sample: &[u8],
    delimiter: u8,
    comment: Option<u8>,
    mut each: impl FnMut(usize, usize) -> bool,
) {
    let mut at = 0;
    while at < sample.len() {
        let line_end = feed(sample, at);
        let line = &sample[at..line_end];
        let is_record = !is_blank(line) && (comment.is_none() || line.first().copied() != comment);
        let mut count = 0;
        let end = match is_record {
            true => cut(sample, at, delimiter, |_| count += 1).ok(),
            false => None,
        };
        if is_record && !each(at, end.map_or(0, |_| count)) {
            return;
        }
        at = end.unwrap_or(line_end) + 1;
    }
}

#[cfg(test)]
mod tests;
