//! Parsers: from a line of a block to a record.

use std::fmt;
use std::ops::Range;

use super::csv::Csv;
use super::data::ReadBytes;
use super::envelope::{Wrapped, Wrapping};
use super::moment::Moment;
use crate::bad::Reason;
use crate::json::{Fault, JsonParser};
use crate::record::{Fields, Record, Span, without_return};
use crate::time::Rules;

/// Parses lines of a format that needs no index.
pub(crate) trait LineParser: fmt::Debug + Send {
    /// Parses `block[start..end]`, whose line end is taken off; it is not empty.
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason>;

    /// Whether a line that was not parsed says how others are read, and is not a record by design.
    fn is_directive(&self, _line: &[u8]) -> bool {
        false
    }

    /// Parses the further lines of a record, `block[start..end]`, as far as they have fields.
    fn parse_more(
        &mut self,
        _block: &[u8],
        _start: usize,
        _end: usize,
        _fields: &mut Fields,
        _record: &mut Record,
    ) {
    }

    /// Prepares for the lines of a log from `start` on. `read` finds the lines before it that say
    /// how they are read.
    fn begin_piece(&mut self, _start: u64, _read: &ReadBytes<'_>, _fields: &mut Fields) {}
}

/// Parses the lines of one file.
#[derive(Debug)]
pub struct Parser(Inner, Option<Box<Moment>>);

#[derive(Debug)]
enum Inner {
    Json(Box<JsonParser>),
    Csv(Box<Csv>),
    Line(Box<dyn LineParser>),
    Wrapped(Box<Wrapped>),
}

impl Parser {
    pub(super) fn json(fields: &mut Fields) -> Self {
        Self(Inner::Json(Box::new(JsonParser::new(fields))), None)
    }

    pub(super) fn csv(csv: Csv) -> Self {
        Self(Inner::Csv(Box::new(csv)), None)
    }

    pub(super) fn wrapped(wrapping: &Wrapping, fields: &mut Fields, rules: &Rules) -> Self {
        Self(Inner::Wrapped(Box::new(Wrapped::new(wrapping, fields, rules))), None)
    }

    pub(super) fn of_lines(line: Box<dyn LineParser>) -> Self {
        Self(Inner::Line(line), None)
    }

    /// With a field that is two others together.
    pub(super) fn with_moment(self, moment: Option<Moment>) -> Self {
        Self(self.0, moment.map(Box::new))
    }

    /// Prepares for the lines of a log that begin at `start` or later; `read` reads bytes of the log at an
    /// offset.
    pub(crate) fn begin_piece(&mut self, start: u64, read: &ReadBytes<'_>, fields: &mut Fields) {
        if let Inner::Line(line) = &mut self.0 {
            line.begin_piece(start, read, fields);
        }
    }

    /// Prepares a block of lines; the lines parsed next must be in it.
    pub fn begin_block(&mut self, block: &[u8]) {
        match &mut self.0 {
            Inner::Json(json) => json.begin_block(block),
            Inner::Wrapped(wrapped) => wrapped.begin_block(block),
            Inner::Csv(_) | Inner::Line(_) => {}
        }
    }

    /// Parses the line that begins at `start`: where it ends, at its line feed or the end of the
    /// block, and whether it is a record (a blank line is not) or what is wrong with it; the record is
    /// then not to be used.
    #[inline]
    pub fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> (usize, Result<bool, Fault>) {
        let parsed = self.line(block, start, fields, record);
        if let Some(moment) = &self.1 {
            moment.set(record);
        }
        parsed
    }

    #[inline]
    fn line(
        &mut self,
        block: &[u8],
        start: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> (usize, Result<bool, Fault>) {
        match &mut self.0 {
            Inner::Json(json) => match json.parse(block, start, fields, record) {
                (end, Err(fault)) if block[start] == 0 => {
                    (end, after_zeros(json, block, start..end, fields, record, fault))
                }
                parsed => parsed,
            },
            Inner::Csv(csv) => csv.parse(block, start, record),
            Inner::Line(line) => {
                let end = feed(block, start);
                (end, whole_line(line.as_mut(), block, start, end, fields, record))
            }
            Inner::Wrapped(wrapped) => {
                let end = feed(block, start);
                (end, wrapped.parse(block, start, end, fields, record))
            }
        }
    }

    /// Parses a record of several lines, `block[start..end]`, whose first one ends at `first`;
    /// whether it is one.
    pub(crate) fn parse_lines(
        &mut self,
        block: &[u8],
        (start, first, end): (usize, usize, usize),
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<bool, Fault> {
        let has_more = first < end;
        let end = first.max(start + without_return(&block[start..end]).len());
        let parsed = match &mut self.0 {
            Inner::Json(_) | Inner::Csv(_) => return self.parse(block, start, fields, record).1,
            Inner::Line(line) => {
                let parsed = whole_line(line.as_mut(), block, start, first, fields, record);
                if has_more && parsed == Ok(true) {
                    line.parse_more(block, first + 1, end, fields, record);
                }
                parsed
            }
            Inner::Wrapped(wrapped) => wrapped.parse(block, start, first, fields, record),
        };
        if has_more && parsed == Ok(true) {
            let name = match &self.0 {
                Inner::Wrapped(wrapped) => wrapped.text_name(),
                _ => "message",
            };
            extend_message(name, first..end, block, fields, record);
        }
        parsed
    }
}

/// Extends a message that goes to the end of the first line to the end of the record's lines.
fn extend_message(
    name: &str,
    more: Range<usize>,
    block: &[u8],
    fields: &Fields,
    record: &mut Record,
) {
    let Range { start: first, end } = more;
    let Some(id) = fields.find(name) else { return };
    let span = record.get(id);
    let to_end = block.get(span.end as usize..first).is_some_and(is_blank);
    if span.is_present() && to_end {
        record.set(id, Span { end: end as u32, ..span });
    }
}

/// Whether a line has only the blanks of JSON, which are blanks in every format, after NUL bytes,
/// which are where nothing was written.
#[inline]
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line[zeros(line)..].iter().all(|b| matches!(b, b' ' | b'\t' | b'\r'))
}

/// How many NUL bytes `line` begins with: a hole, or bytes that were reserved and never written.
#[inline]
pub(crate) fn zeros(line: &[u8]) -> usize {
    if line.first() == Some(&0) { line.iter().take_while(|&&b| b == 0).count() } else { 0 }
}

/// Parses JSON behind NUL bytes.
#[cold]
fn after_zeros(
    json: &mut JsonParser,
    block: &[u8],
    line: Range<usize>,
    fields: &mut Fields,
    record: &mut Record,
    fault: Fault,
) -> Result<bool, Fault> {
    let start = line.start + zeros(&block[line.clone()]);
    if is_blank(&block[line.clone()]) {
        return Ok(false);
    }
    record.clear();
    if start < line.end { json.parse(block, start, fields, record).1 } else { Err(fault) }
}

/// The offset of the line feed at or after `from`, or the end of the block.
#[inline]
pub(crate) fn feed(block: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', &block[from..]).map_or(block.len(), |at| from + at)
}

fn whole_line(
    line: &mut dyn LineParser,
    block: &[u8],
    start: usize,
    end: usize,
    fields: &mut Fields,
    record: &mut Record,
) -> Result<bool, Fault> {
    if is_blank(&block[start..end]) {
        return Ok(false);
    }
    let end = if block[end - 1] == b'\r' { end - 1 } else { end };
    let start = start + zeros(&block[start..end]);
    match line.parse(block, start, end, fields, record) {
        Ok(()) => Ok(true),
        Err(_) if line.is_directive(&block[start..end]) => Ok(false),
        Err(reason) => Err(Fault { reason, at: start }),
    }
}
