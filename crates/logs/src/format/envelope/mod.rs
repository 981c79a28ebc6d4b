//! Envelopes: what a collector puts around each line of a log.
//!
//! An envelope sets its own fields, and the line inside it is read by its own format, in the same
//! bytes. Envelopes may be nested, up to [`DEPTH_MAX`].
//!
//! # Names
//! What is inside keeps the names of its fields. A field of the envelope keeps its name too, unless a
//! sampled line inside has a field of that name, or the inside is an access log, which always has the
//! same fields: then the name gets the prefix of the envelope, as in `syslog_host`.
//!
//! # Times
//! The time of a record is the time inside, if the format inside has one, else the time of the
//! envelope. Text inside has no time of its own if the envelope has one.

mod colours;
mod continued;
mod docker;
mod find;
mod journald;
mod layers;
mod look_back;
mod pieces;
mod prefixes;
mod rewrite;
mod wrapped;

pub(super) use continued::{Continued, continues_in_copy};
pub use find::detect;
pub(crate) use find::given;
pub(super) use find::mixed;
pub(crate) use rewrite::{Entry, Outcome, Rewriter};
pub(super) use wrapped::Wrapped;

use super::cursor::{Cursor, Slot, Step};
use super::{Definition, Format, syslog};
use crate::record::{Fields, Record, Span};
use crate::time::Rules;

/// The most envelopes around a line.
pub(super) const DEPTH_MAX: usize = 3;

/// Which collector an envelope is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnvelopeKind {
    /// Docker's `json-file` driver: JSON with `log`, `stream` and `time`. Long lines are cut into
    /// pieces of 16 KiB, and only the last piece ends with a line feed.
    Docker,
    /// Kubernetes' CRI: `time stream flag text`, where the flag `P` marks a piece that is not the last.
    Cri,
    /// `docker compose logs`: `container | text`.
    Compose,
    /// `kubectl logs --prefix`: `[pod/NAME/CONTAINER] text`.
    Kubectl,
    /// stern: `pod container text`.
    Stern,
    /// RFC 3164 in its variants, journald's short forms, Heroku.
    Syslog,
    /// RFC 5424.
    Syslog5424,
    /// GitLab's job logs: `time NNO text`.
    Gitlab,
    /// `time {json}`.
    Time,
    /// `aws logs tail`: `time stream {json}`.
    Cloudwatch,
    /// The mark `@cee:` before JSON.
    Cee,
    /// `journalctl -o json`: texts may be arrays of bytes, and the level is a number.
    Journald,
}

impl EnvelopeKind {
    /// The name used in exported data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Cri => "cri",
            Self::Compose => "compose",
            Self::Kubectl => "kubectl",
            Self::Stern => "stern",
            Self::Syslog => "syslog",
            Self::Syslog5424 => "syslog5424",
            Self::Gitlab => "gitlab",
            Self::Time => "time",
            Self::Cloudwatch => "cloudwatch",
            Self::Cee => "cee",
            Self::Journald => "journald",
        }
    }

    /// What a field's name begins with if the inside has a field of the same name.
    fn prefix(self) -> &'static str {
        match self {
            Self::Syslog5424 => "syslog",
            Self::Time => "line",
            other => other.name(),
        }
    }

    /// The format that a log with this envelope and text inside is called by.
    fn format(self) -> Option<Format> {
        match self {
            Self::Docker => Some(Format::Docker),
            Self::Cri => Some(Format::Cri),
            Self::Syslog => Some(Format::Syslog),
            Self::Syslog5424 => Some(Format::Syslog5424),
            _ => None,
        }
    }

    /// Whether the collector cuts long texts into pieces, which are joined.
    fn is_joined(self) -> bool {
        matches!(self, Self::Docker | Self::Cri)
    }

    /// Whether its lines are read in a copy, so that nothing else is around it.
    fn is_copied(self) -> bool {
        self.is_joined() || self == Self::Journald
    }

    /// Whether the collector puts the envelope around every line, so that a line without it is a bad
    /// line.
    fn is_strict(self) -> bool {
        self.format().is_some()
    }
}

/// An envelope, with the names of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    kind: EnvelopeKind,
    names: Names,
}

/// Which names the inside has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    Some(Vec<String>),
    All,
}

impl Envelope {
    fn new(kind: EnvelopeKind, inside: &[String], is_access: bool) -> Self {
        let names = if is_access { Names::All } else { Names::Some(inside.to_vec()) };
        Self { kind, names }
    }

    /// Which collector it is from.
    #[must_use]
    pub fn kind(&self) -> EnvelopeKind {
        self.kind
    }

    /// What its field `name` is called beside the fields of the inside.
    pub(super) fn field(&self, name: &str) -> String {
        let taken = match &self.names {
            Names::All => true,
            Names::Some(names) => names.iter().any(|inside| inside == name),
        };
        if taken { format!("{}_{name}", self.kind.prefix()) } else { name.to_owned() }
    }

    fn slot(&self, fields: &mut Fields, name: &str) -> Slot {
        Slot::new(fields, &self.field(name))
    }

    /// What takes the envelope off.
    fn layer(&self, fields: &mut Fields, rules: &Rules) -> Box<dyn Layer> {
        match self.kind {
            EnvelopeKind::Docker => Box::new(layers::Docker::new(self, fields)),
            EnvelopeKind::Cri => Box::new(layers::Cri::new(self, fields)),
            EnvelopeKind::Compose => Box::new(prefixes::Compose::new(self, fields)),
            EnvelopeKind::Kubectl => Box::new(prefixes::Kubectl::new(self, fields)),
            EnvelopeKind::Stern => Box::new(prefixes::Stern::new(self, fields)),
            EnvelopeKind::Gitlab => Box::new(prefixes::Gitlab::new(self, fields)),
            EnvelopeKind::Time => Box::new(prefixes::Time::new(self, fields, rules, false)),
            EnvelopeKind::Cloudwatch => Box::new(prefixes::Time::new(self, fields, rules, true)),
            EnvelopeKind::Cee => Box::new(prefixes::Cee),
            EnvelopeKind::Journald => Box::new(journald::Journald),
            EnvelopeKind::Syslog => {
                Box::new(syslog::Rfc3164::named(fields, &|name| self.field(name)))
            }
            EnvelopeKind::Syslog5424 => {
                Box::new(syslog::Rfc5424::named(fields, &|name| self.field(name)))
            }
        }
    }
}

/// Takes an envelope off.
pub(super) trait Layer: std::fmt::Debug + Send {
    /// Sets the fields of the envelope that `c` is at, moves `c` to the inside, and returns the time
    /// of the envelope.
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>>;
}

/// A format in envelopes, or between lines of text.
#[derive(Debug, Clone)]
pub struct Wrapping {
    /// From the outside in.
    envelopes: Vec<Envelope>,
    inside: Box<Definition>,
    /// Whether lines that are not of the format inside are records of text.
    mixed: bool,
    /// The name of the log's time.
    time: Option<String>,
    /// Whether lines have colour codes, which are left out of the fields.
    coloured: bool,
}

impl Wrapping {
    /// The envelopes, from the outside in.
    #[must_use]
    pub fn envelopes(&self) -> &[Envelope] {
        &self.envelopes
    }

    /// The format inside.
    #[must_use]
    pub fn inside(&self) -> &Definition {
        &self.inside
    }

    /// The name of the field that holds the time of a record.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.time.as_deref()
    }

    /// Whether the collector cuts long texts into pieces.
    pub(in crate::format) fn is_in_pieces(&self) -> bool {
        self.envelopes.first().is_some_and(|envelope| envelope.kind.is_joined())
    }

    /// Whether each of its lines has the envelope, and none is a piece.
    pub(in crate::format) fn is_of_lines(&self) -> bool {
        let first = self.envelopes.first().map(|envelope| envelope.kind);
        first.is_some_and(|kind| !kind.is_joined() && kind != EnvelopeKind::Journald)
    }

    /// Whether lines that are not of the format inside are records of text.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// The format by which the log is called: the inside's; where that is text, the innermost
    /// envelope's.
    #[must_use]
    pub fn format(&self) -> Format {
        let inside = self.inside.format();
        if !is_text(inside) {
            return inside;
        }
        self.envelopes.iter().rev().find_map(|e| e.kind.format()).unwrap_or(inside)
    }

    /// The field of the text inside, where it is text.
    fn text_name(&self) -> &'static str {
        let docker = self.envelopes.last().is_some_and(|e| e.kind == EnvelopeKind::Docker);
        if docker && is_text(self.inside.format()) { "log" } else { "message" }
    }
}

/// Whether lines of a format are text, with or without a time.
fn is_text(format: Format) -> bool {
    matches!(format, Format::Plain | Format::Raw)
}

/// Docker and CRI logs, whatever is inside, by the name of their format.
pub(super) fn wrapped_text(format: Format) -> Option<Definition> {
    let kind = match format {
        Format::Docker => EnvelopeKind::Docker,
        Format::Cri => EnvelopeKind::Cri,
        _ => return None,
    };
    Some(Definition::Wrapped(Wrapping {
        envelopes: vec![Envelope::new(kind, &[], false)],
        inside: Box::new(Definition::Known(Format::Raw)),
        mixed: false,
        time: Some("time".to_owned()),
        coloured: false,
    }))
}
