//! The formats of logs: from a line to a record.

mod access;
mod apache_error;
mod begin;
mod cursor;
mod detect;
mod envelope;
mod evidence;
mod level;
mod logfmt;
mod nginx;
mod pairs;
mod pattern;
mod plain;
mod sample;
mod stamp;
mod structured;
mod syslog;
mod time_field;

pub(crate) use begin::{Begin, kept_end};
#[cfg(feature = "arrow")]
pub(crate) use detect::for_each_record;
pub use detect::{Detected, field_names, need_time};
pub use envelope::{DEPTH_MAX as ENVELOPES_MAX, Envelope, EnvelopeKind, Wrapping, detect};
pub(crate) use envelope::{Entry, Outcome, Rewriter, given};
pub use nginx::Template;
pub use sample::sample;
pub(crate) use sample::take_lines;
pub use time_field::find_time;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::bad::Reason;
use crate::json::{Fault, JsonParser};
use crate::record::{Fields, Record};
use crate::time::Rules;
use crate::{Error, Result};
use envelope::Wrapped;

/// A format of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// Docker's `json-file`: JSON with `log`, `stream` and `time`.
    Docker,
    /// RFC 5424.
    Syslog5424,
    /// Kubernetes' CRI: time, stream, flag, text.
    Cri,
    /// Common and combined access logs of nginx and Apache, and their extensions.
    Access,
    /// Apache's error log, 2.2 and 2.4.
    ApacheError,
    /// RFC 3164, with or without a priority, also with an RFC 3339 time.
    Syslog,
    /// `key=value` pairs.
    Logfmt,
    /// Text after a time; lines without a time belong to the text before.
    Plain,
    /// Lines.
    Raw,
    /// The user's regular expression.
    Regex,
    /// The user's nginx `log_format`.
    Nginx,
}

impl Format {
    /// The formats that can be detected or asked for by name, most specific first.
    pub const NAMED: [Self; 10] = [
        Self::Docker,
        Self::Json,
        Self::Syslog5424,
        Self::Cri,
        Self::Access,
        Self::ApacheError,
        Self::Syslog,
        Self::Logfmt,
        Self::Plain,
        Self::Raw,
    ];

    /// The name used on the command line and in exported data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Docker => "docker",
            Self::Syslog5424 => "syslog5424",
            Self::Cri => "cri",
            Self::Access => "access",
            Self::ApacheError => "apache-error",
            Self::Syslog => "syslog",
            Self::Logfmt => "logfmt",
            Self::Plain => "plain",
            Self::Raw => "raw",
            Self::Regex => "regex",
            Self::Nginx => "nginx",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::NAMED.into_iter().find(|f| f.name() == name).ok_or_else(|| {
            let names = Self::NAMED.map(Self::name).join(", ");
            Error::request(format!("no format is called {name:?}; the formats are {names}"))
        })
    }
}

/// A format, with the user's definition where it has one.
#[derive(Debug, Clone)]
pub enum Definition {
    /// A format that needs no definition.
    Known(Format),
    /// Plain text or logfmt whose lines have a time in front and a pair that is called `time`, which
    /// is another value: the time in front is `timestamp`.
    TimeBesidePair(Format),
    /// A regular expression with named groups.
    Regex(regex::bytes::Regex),
    /// A `log_format` string of nginx.
    Nginx(Template),
    /// A format in envelopes, or between lines of text.
    Wrapped(Wrapping),
}

impl Definition {
    /// A regular expression whose named groups are fields.
    ///
    /// # Errors
    /// When it is not one, or names no group.
    pub fn regex(pattern: &str) -> Result<Self> {
        pattern::compile(pattern).map(Self::Regex)
    }

    /// A `log_format` string of nginx, like `$remote_addr [$time_local] "$request" $status`.
    ///
    /// # Errors
    /// When it has no variables, or two of them with nothing between.
    pub fn nginx(template: &str) -> Result<Self> {
        Template::new(template).map(Self::Nginx)
    }

    /// The envelopes around its lines, from the outside in.
    #[must_use]
    pub fn envelopes(&self) -> &[Envelope] {
        match self {
            Self::Wrapped(wrapping) => wrapping.envelopes(),
            _ => &[],
        }
    }

    /// What writes blocks of its lines anew, where they cannot be parsed in place. A text of several
    /// lines may have up to `bytes_max` bytes.
    pub(crate) fn rewriter(&self, bytes_max: usize) -> Option<Rewriter> {
        match self {
            Self::Wrapped(wrapping) => wrapping.rewriter(bytes_max),
            _ => None,
        }
    }

    /// Whether its records are not lines as they stand in the log: their texts are unescaped, joined,
    /// or freed of colour codes.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewriter(0).is_some()
    }

    /// The format; of the lines inside, where they are in envelopes.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            Self::Wrapped(wrapping) => wrapping.format(),
            Self::Known(format) | Self::TimeBesidePair(format) => *format,
            Self::Regex(_) => Format::Regex,
            Self::Nginx(_) => Format::Nginx,
        }
    }

    /// The definition of a format for a log with these lines in it.
    #[must_use]
    pub fn of(format: Format, sample: &[u8], rules: &Rules) -> Self {
        if time_field::has_time_beside_pair(format, sample, rules) {
            return Self::TimeBesidePair(format);
        }
        Self::Known(format)
    }

    /// A parser of it for `fields`; `rules` are those of the log.
    #[must_use]
    pub fn parser(&self, fields: &mut Fields, rules: &Rules) -> Parser {
        let line: Box<dyn LineParser> = match self {
            Self::Known(Format::Json | Format::Docker) => {
                return Parser(Inner::Json(Box::new(JsonParser::new(fields))));
            }
            Self::Known(Format::Syslog5424) => {
                Box::new(syslog::Rfc5424::new(fields).with_message(fields))
            }
            Self::Known(Format::Cri) => {
                let text = envelope::wrapped_text(Format::Cri).unwrap_or(Self::Known(Format::Raw));
                return text.parser(fields, rules);
            }
            Self::Known(Format::Access) => Box::new(access::Access::new(fields)),
            Self::Known(Format::ApacheError) => Box::new(apache_error::ApacheError::new(fields)),
            Self::Known(Format::Syslog) => {
                Box::new(syslog::Rfc3164::new(fields).with_message(fields))
            }
            Self::Known(Format::Logfmt) => Box::new(logfmt::Logfmt::new(rules, plain::TIME)),
            Self::Known(Format::Plain) => Box::new(plain::Plain::new(fields, rules, plain::TIME)),
            Self::TimeBesidePair(Format::Logfmt) => {
                Box::new(logfmt::Logfmt::new(rules, plain::TIMESTAMP))
            }
            Self::TimeBesidePair(_) => Box::new(plain::Plain::new(fields, rules, plain::TIMESTAMP)),
            Self::Known(Format::Raw | Format::Regex | Format::Nginx) => {
                Box::new(plain::Raw::new(fields))
            }
            Self::Wrapped(wrapping) => {
                return Parser(Inner::Wrapped(Box::new(Wrapped::new(wrapping, fields, rules))));
            }
            Self::Regex(regex) => Box::new(pattern::Pattern::new(regex.clone(), fields)),
            Self::Nginx(template) => Box::new(nginx::Nginx::new(template.clone(), fields)),
        };
        Parser(Inner::Line(line))
    }
}

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
    ) -> std::result::Result<(), Reason>;
}

/// Parses the lines of one file.
#[derive(Debug)]
pub struct Parser(Inner);

#[derive(Debug)]
enum Inner {
    Json(Box<JsonParser>),
    Line(Box<dyn LineParser>),
    Wrapped(Box<Wrapped>),
}

impl Parser {
    /// Prepares a block of lines; the lines parsed next must be in it.
    pub fn begin_block(&mut self, block: &[u8]) {
        match &mut self.0 {
            Inner::Json(json) => json.begin_block(block),
            Inner::Wrapped(wrapped) => wrapped.begin_block(block),
            Inner::Line(_) => {}
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
    ) -> (usize, std::result::Result<bool, Fault>) {
        match &mut self.0 {
            Inner::Json(json) => match json.parse(block, start, fields, record) {
                (end, Err(fault)) if block[start] == 0 => {
                    (end, after_zeros(json, block, start..end, fields, record, fault))
                }
                parsed => parsed,
            },
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
}

impl Parser {
    /// Parses a record of several lines, `block[start..end]`; whether it is one.
    pub(crate) fn parse_lines(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> std::result::Result<bool, Fault> {
        match &mut self.0 {
            Inner::Json(_) => self.parse(block, start, fields, record).1,
            Inner::Line(line) => whole_line(line.as_mut(), block, start, end, fields, record),
            Inner::Wrapped(wrapped) => wrapped.parse(block, start, end, fields, record),
        }
    }
}

/// Whether a line has nothing but the blanks of JSON in it, which are blanks in every format, after NUL
/// bytes, which stand where nothing was written.
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
) -> std::result::Result<bool, Fault> {
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
) -> std::result::Result<bool, Fault> {
    if is_blank(&block[start..end]) {
        return Ok(false);
    }
    let end = if block[end - 1] == b'\r' { end - 1 } else { end };
    let start = start + zeros(&block[start..end]);
    match line.parse(block, start, end, fields, record) {
        Ok(()) => Ok(true),
        Err(reason) => Err(Fault { reason, at: start }),
    }
}
