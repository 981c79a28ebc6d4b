//! Logs whose own lines name their columns: the extended format of the W3C, and the logs of Zeek.

use std::sync::Arc;

use super::DataFormat;
use super::dialect::Dialect;
use super::headers::{Headers, ReadBytes};
use super::setter::{Kind, Setter};
use crate::bad::Reason;
use crate::format::LineParser;
use crate::format::cursor::Slot;
use crate::record::{Fields, Record, Span, SpanKind, without_return};

/// The most columns of a line.
const COLUMNS_MAX: usize = 512;

impl Dialect {
    /// How many of the sampled lines are of this format; 0 where none names columns.
    pub(super) fn lines_in(self, sample: &[u8]) -> usize {
        let mut header = None;
        let mut count = 0;
        for line in sample.split(|&b| b == b'\n').map(without_return) {
            if self.is_header(line) {
                header = Some(Header::read(self, header.take(), line));
                count += 1;
            } else if let Some(header) = header.as_ref().filter(|h: &&Header| !h.names.is_empty()) {
                let mut at = Vec::new();
                count += usize::from(!line.is_empty() && header.split(line, &mut at));
            }
        }
        if header.is_some_and(|header| !header.names.is_empty()) { count } else { 0 }
    }
}

/// What the lines that begin with `#` say.
#[derive(Debug, Clone, Default)]
struct Header {
    names: Vec<String>,
    types: Vec<String>,
    /// Between values; blanks where none is named.
    separator: Option<u8>,
    unset: Vec<u8>,
}

impl Header {
    /// What `line` adds to what was said before.
    fn read(dialect: Dialect, before: Option<Self>, line: &[u8]) -> Self {
        let mut header = before.unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        match dialect {
            Dialect::W3c => header.read_w3c(&text),
            Dialect::Zeek => header.read_zeek(&text),
            Dialect::Named(_) => {
                header.names = text.split_whitespace().map(str::to_owned).collect()
            }
        }
        header
    }

    /// Names are separated by blanks; by commas where a product (Exchange) separates its values so.
    fn read_w3c(&mut self, line: &str) {
        let Some(names) = line.strip_prefix("#Fields:") else { return };
        let names = names.trim();
        let commas = names.contains(',') && !names.contains([' ', '\t']);
        self.separator = commas.then_some(b',');
        let words = names.split(|c: char| if commas { c == ',' } else { c.is_ascii_whitespace() });
        let words = words.filter(|word| !word.is_empty()).take(COLUMNS_MAX);
        self.names = words.map(str::to_owned).collect();
    }

    /// `#separator \x09`, then all others with that separator after their name.
    fn read_zeek(&mut self, line: &str) {
        if let Some(separator) = line.strip_prefix("#separator ") {
            let hex = separator.trim().strip_prefix("\\x");
            let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
            self.separator = byte.or_else(|| separator.bytes().next());
            return;
        }
        let separator = char::from(self.separator.unwrap_or(b'\t'));
        let mut words = line.split(separator);
        let key = words.next();
        let words = words.take(COLUMNS_MAX).map(str::to_owned);
        match key {
            Some("#fields") => self.names = words.collect(),
            Some("#types") => self.types = words.collect(),
            Some("#unset_field") => {
                self.unset = words.collect::<Vec<_>>().join("\t").into_bytes();
            }
            _ => {}
        }
        self.separator.get_or_insert(b'\t');
    }

    /// Cuts a line into as many values as there are columns. Between blanks, the rest is one more
    /// value. False if the line has fewer values, or has more with another separator.
    fn split(&self, line: &[u8], values: &mut Vec<(usize, usize)>) -> bool {
        values.clear();
        // CloudFront names columns with blanks between, and separates values by tabs.
        let tab = || memchr::memchr(b'\t', line).map(|_| b'\t');
        let separator = self.separator.or_else(tab).unwrap_or(b' ');
        let mut at = 0;
        loop {
            let end = value_end(line, at, separator);
            values.push((at, end));
            if end == line.len() {
                return values.len() == self.names.len();
            }
            // Some products set values apart by several blanks.
            let run = |from: usize| line[from..].iter().take_while(|&&b| b == b' ').count();
            at = end + if separator == b' ' { run(end) } else { 1 };
            if values.len() == self.names.len() {
                // A blank at the end is no value; what follows has no name, and is kept as one.
                if separator == b' ' && at < line.len() {
                    values.push((at, line.len()));
                }
                return separator == b' ';
            }
            if separator == b' ' && at == line.len() {
                return false;
            }
        }
    }
}

/// The end of the value that begins at `at`; within quotes, separators are part of it.
fn value_end(line: &[u8], at: usize, separator: u8) -> usize {
    let mut from = at;
    if separator != b'\t' && line.get(at) == Some(&b'"') {
        let mut close = at + 1;
        loop {
            match memchr::memchr(b'"', &line[close.min(line.len())..]) {
                // A quotation mark within is doubled.
                Some(length) if line.get(close + length + 1) == Some(&b'"') => close += length + 2,
                Some(length) => break from = close + length + 1,
                None => break,
            }
        }
    }
    memchr::memchr(separator, &line[from..]).map_or(line.len(), |length| from + length)
}

#[derive(Debug)]
pub(super) struct ColumnsParser {
    format: Arc<DataFormat>,
    dialect: Dialect,
    headers: Arc<Headers>,
    header: Header,
    setters: Vec<Setter>,
    /// Where the date is, which the time follows, and the field of both.
    moment: Option<(usize, Slot)>,
    /// What follows the last column that has a name.
    extra: Option<Slot>,
    values: Vec<(usize, usize)>,
}

impl ColumnsParser {
    pub(super) fn new(format: Arc<DataFormat>, headers: Arc<Headers>, fields: &mut Fields) -> Self {
        let dialect = match format.shape {
            super::Shape::Columns(dialect) => dialect,
            super::Shape::Patterns { .. } | super::Shape::Json => Dialect::W3c,
        };
        let first = headers.first();
        let mut parser = Self {
            format,
            dialect,
            headers,
            header: Header::default(),
            setters: Vec::new(),
            moment: None,
            extra: None,
            values: Vec::new(),
        };
        parser.begin_with(&first, fields);
        parser
    }

    fn begin_with(&mut self, lines: &[u8], fields: &mut Fields) {
        self.header = Header::default();
        for line in lines.split(|&b| b == b'\n').map(without_return) {
            self.directive(line, fields);
        }
    }

    /// Follows a line that begins with `#`.
    fn directive(&mut self, line: &[u8], fields: &mut Fields) {
        let before = std::mem::take(&mut self.header);
        self.header = Header::read(self.dialect, Some(before), line);
        let names = &self.header.names;
        let taken = |name: &str| names.iter().any(|other| other == name);
        let kind = |at: usize| self.header.types.get(at).and_then(|name| zeek_kind(name));
        let setter = |(at, name): (usize, &String)| {
            Setter::new(&self.format, name, kind(at), &taken, fields)
        };
        self.setters = names.iter().enumerate().map(setter).collect();
        let is_moment = |two: &[String]| {
            let suffix = two[0].strip_prefix("date");
            suffix.is_some_and(|suffix| two[1].strip_prefix("time") == Some(suffix))
        };
        let date = names.windows(2).position(is_moment);
        let slot = date.and_then(|at| Some((at, Slot::wanted(fields, self.format.time()?)?)));
        self.moment = slot;
    }
}

/// What a value of a type of Zeek is; texts stay texts, though an address may look like a number.
fn zeek_kind(name: &str) -> Option<Kind> {
    let number = ["count", "int", "port", "double", "time", "interval"].contains(&name);
    Some(if number { Kind::Auto } else { Kind::Text })
}

impl LineParser for ColumnsParser {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let line = &block[start..end];
        if self.dialect.is_header(line) {
            self.directive(line, fields);
            return Err(Reason::NoMatch);
        }
        let mut values = std::mem::take(&mut self.values);
        let fits = self.header.split(line, &mut values);
        if fits {
            for (&(from, to), setter) in values.iter().zip(&self.setters) {
                if setter.is_wanted() {
                    let span = unquoted(block, start + from, start + to);
                    if !self.header.unset.is_empty() && span.bytes(block) == self.header.unset {
                        continue;
                    }
                    setter.set(&self.format, span, block, record);
                }
            }
            if let Some(&(from, to)) = values.get(self.setters.len()) {
                let extra = *self.extra.get_or_insert_with(|| Slot::new(fields, "extra"));
                extra.set(record, Span::new(SpanKind::Str, start + from, start + to));
            }
            if let Some((at, slot)) = self.moment {
                // Both may be in quotation marks.
                let date = unquoted(block, start + values[at].0, start + values[at].1);
                let time = unquoted(block, start + values[at + 1].0, start + values[at + 1].1);
                slot.set(record, Span { end: time.end, ..date });
            }
        }
        self.values = values;
        if fits { Ok(()) } else { Err(Reason::NoMatch) }
    }

    fn is_directive(&self, line: &[u8]) -> bool {
        self.dialect.is_header(line)
    }

    fn begin_piece(&mut self, start: u64, read: &ReadBytes<'_>, fields: &mut Fields) {
        let header = self.headers.in_force(self.dialect, start, read);
        self.begin_with(&header, fields);
    }
}

/// A value without the quotation marks around it.
fn unquoted(block: &[u8], start: usize, end: usize) -> Span {
    let quoted = end - start > 1 && block[start] == b'"' && block[end - 1] == b'"';
    let inside = usize::from(quoted);
    Span::new(SpanKind::Str, start + inside, end - inside)
}
