//! The formats of logs: from a line to a record.

mod access;
mod begin;
pub mod csv;
mod cursor;
mod data;
mod detect;
mod each;
mod envelope;
mod evidence;
mod level;
mod logfmt;
mod moment;
mod nginx;
mod pairs;
mod parser;
mod plain;
mod request;
mod sample;
mod stamp;
mod structured;
mod syslog;
mod time_field;
mod trace;

pub(crate) use begin::{Begin, kept_end, line_before};
pub use data::{
    Data, DataFormat, Expected, Problem, Sample, Unsupported, all as data_formats, from_lnav,
    install as install_formats,
};
pub use detect::{Detected, field_names, need_time, present_names};
pub(crate) use each::for_each_record;
pub(crate) use envelope::{Entry, Outcome, Rewriter, given};
pub use envelope::{Envelope, EnvelopeKind, Wrapping, detect};
pub use moment::is_of_two_fields;
pub use parser::Parser;
pub(crate) use parser::{LineParser, feed, is_blank, zeros};
pub use sample::sample;
pub(crate) use sample::take_lines;
pub use time_field::find_time;

use std::fmt;
use std::str::FromStr;

use crate::record::Fields;
use crate::time::Rules;
use crate::{Error, Result};

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
    /// RFC 3164, with or without a priority, also with an RFC 3339 time.
    Syslog,
    /// `key=value` pairs.
    Logfmt,
    /// Text after a time; lines without a time belong to the text before.
    Plain,
    /// Lines.
    Raw,
    /// Separated values; a log's own lines say how ([`csv::Dialect`]).
    Csv,
    /// A format that is data ([`DataFormat`]): one of this crate, or of the user. Its name.
    Data(&'static str),
}

impl Format {
    /// The formats that can be detected or asked for by name, most specific first.
    pub const NAMED: [Self; 9] = [
        Self::Docker,
        Self::Json,
        Self::Syslog5424,
        Self::Cri,
        Self::Access,
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
            Self::Syslog => "syslog",
            Self::Logfmt => "logfmt",
            Self::Plain => "plain",
            Self::Raw => "raw",
            Self::Csv => "csv",
            Self::Data(name) => name,
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
        let data = || data::find(name).map(|format| Self::Data(format.name()));
        let named = Self::NAMED.into_iter().chain([Self::Csv]).find(|f| f.name() == name);
        named.or_else(data).ok_or_else(|| {
            let names = Self::NAMED.map(Self::name).join(", ");
            let others = data::all().count();
            Error::request(format!(
                "no format is called {name:?}; the formats are {names}, csv, and {others} others, \
                 which cutwater formats lists"
            ))
        })
    }
}

/// A format, with the user's definition where it has one.
#[derive(Debug, Clone)]
pub enum Definition {
    /// A format that needs no definition.
    Known(Format),
    /// Separated values.
    Csv(csv::Dialect),
    /// Plain text or logfmt whose lines have a time in front and also a pair called `time`: the
    /// time in front is `timestamp`.
    TimeBesidePair(Format),
    /// A format that is data.
    Data(Data),
    /// A format in envelopes, or between lines of text.
    Wrapped(Wrapping),
}

impl From<DataFormat> for Definition {
    fn from(format: DataFormat) -> Self {
        Self::Data(Data::new(format.into(), b""))
    }
}

impl Definition {
    /// The format of this name, with settings where it has some: `csv,header=no`.
    ///
    /// # Errors
    /// When there is no such format or setting.
    pub fn named(name: &str) -> Result<Self> {
        match csv::Dialect::named(name)? {
            Some(dialect) => Ok(Self::Csv(dialect)),
            None => Ok(Self::of(name.parse()?, b"", &Rules::default())),
        }
    }

    /// The same format for another log, whose sampled lines are `sample`.
    #[must_use]
    pub fn for_log(&self, sample: &[u8], rules: &Rules) -> Self {
        match self {
            Self::Known(format) => Self::of(*format, sample, rules),
            Self::TimeBesidePair(format) => Self::TimeBesidePair(*format),
            Self::Csv(dialect) => Self::Csv(dialect.for_log(sample)),
            Self::Data(data) => Self::Data(data.for_log(sample)),
            Self::Wrapped(wrapping) => Self::Wrapped(wrapping.clone()),
        }
    }

    /// The field that holds the time, where the format says so.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        match self {
            Self::Known(_) | Self::TimeBesidePair(_) | Self::Csv(_) => None,
            Self::Data(data) => data.format().time(),
            Self::Wrapped(wrapping) => wrapping.time(),
        }
    }

    /// Whether lines without the texts that a filter on `fields` asks for must be parsed, too: the
    /// name of a level need not be in its line, and a line may say how others are read.
    pub(crate) fn needs_all_lines<'a>(&self, mut fields: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Known(Format::Plain | Format::Raw | Format::Syslog | Format::Syslog5424)
            | Self::TimeBesidePair(Format::Plain) => fields.any(|name| name == "level"),
            Self::Known(_) | Self::TimeBesidePair(_) => false,
            // A quotation mark in a text stands twice in the line.
            Self::Csv(_) => true,
            Self::Data(data) => data.format().needs_all_lines(fields),
            Self::Wrapped(wrapping) => {
                let names: Vec<_> = fields.collect();
                names.contains(&"level") || wrapping.inside().needs_all_lines(names.into_iter())
            }
        }
    }

    /// A regular expression whose named groups are fields.
    ///
    /// # Errors
    /// When it is not one, or names no group.
    pub fn regex(pattern: &str) -> Result<Self> {
        DataFormat::from_regex(pattern).map(Self::from)
    }

    /// A `log_format` string of nginx, like `$remote_addr [$time_local] "$request" $status`.
    ///
    /// # Errors
    /// When it has no variables, or two of them with nothing between.
    pub fn nginx(template: &str) -> Result<Self> {
        nginx::format(template).map(Self::from)
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
            Self::Csv(_) => Format::Csv,
            Self::Data(data) => Format::Data(data.format().name()),
        }
    }

    /// The definition of a format for a log with these lines in it.
    #[must_use]
    pub fn of(format: Format, sample: &[u8], rules: &Rules) -> Self {
        if time_field::has_time_beside_pair(format, sample, rules) {
            return Self::TimeBesidePair(format);
        }
        match format {
            Format::Data(name) => match data::find(name) {
                Some(found) => Self::Data(Data::new(found.clone(), sample)),
                None => Self::Known(Format::Raw),
            },
            Format::Csv => Self::Csv(csv::Dialect::found(sample)),
            known => Self::Known(known),
        }
    }

    /// A parser of it for `fields`; `rules` are those of the log.
    #[must_use]
    pub fn parser(&self, fields: &mut Fields, rules: &Rules) -> Parser {
        let moment = match self {
            Self::Wrapped(_) => None,
            other => moment::Moment::wanted(other.format(), fields),
        };
        self.parser_of_lines(fields, rules).with_moment(moment)
    }

    fn parser_of_lines(&self, fields: &mut Fields, rules: &Rules) -> Parser {
        let line: Box<dyn LineParser> = match self {
            Self::Known(Format::Json | Format::Docker) => {
                return Parser::json(fields);
            }
            Self::Known(Format::Syslog5424) => {
                Box::new(syslog::Rfc5424::new(fields).with_message(fields))
            }
            Self::Known(Format::Cri) => {
                let text = envelope::wrapped_text(Format::Cri).unwrap_or(Self::Known(Format::Raw));
                return text.parser(fields, rules);
            }
            Self::Known(Format::Access) => Box::new(access::Access::new(fields)),
            Self::Known(Format::Syslog) => {
                Box::new(syslog::Rfc3164::new(fields).with_message(fields))
            }
            Self::Known(Format::Logfmt) => Box::new(logfmt::Logfmt::new(rules, plain::TIME)),
            Self::Known(Format::Plain) => Box::new(plain::Plain::new(fields, rules, plain::TIME)),
            Self::TimeBesidePair(Format::Logfmt) => {
                Box::new(logfmt::Logfmt::new(rules, plain::TIMESTAMP))
            }
            Self::TimeBesidePair(_) => Box::new(plain::Plain::new(fields, rules, plain::TIMESTAMP)),
            Self::Known(Format::Raw | Format::Csv | Format::Data(_)) => {
                Box::new(plain::Raw::new(fields))
            }
            Self::Csv(dialect) => {
                return Parser::csv(csv::Csv::new(dialect, fields));
            }
            Self::Data(data) => return data.parser(fields, rules),
            Self::Wrapped(wrapping) => {
                return Parser::wrapped(wrapping, fields, rules);
            }
        };
        Parser::of_lines(line)
    }
}
