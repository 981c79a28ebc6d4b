//! From a piece of a line to the fields that it gives.

use super::DataFormat;
use crate::format::cursor::{Slot, classify};
use crate::format::request::Request;
use crate::record::{Fields, Record, Span, SpanKind};

/// What the text of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::format) enum Kind {
    /// A number, `true` or `false`, or text, as it looks.
    #[default]
    Auto,
    /// Text, even if it looks like a number.
    Text,
    /// Text, which is never null.
    Message,
    /// Text in which a backslash escapes.
    Escaped,
    /// As it looks; where that is text, a backslash escapes.
    AutoEscaped,
}

impl Kind {
    /// The names of kinds in files of formats, each with what it means here.
    pub(super) const NAMED: [(&'static str, Self); 9] = [
        ("auto", Self::Auto),
        ("int", Self::Auto),
        ("float", Self::Auto),
        ("number", Self::Auto),
        ("time", Self::Auto),
        ("duration", Self::Auto),
        ("text", Self::Text),
        ("message", Self::Message),
        ("escaped", Self::Escaped),
    ];

    fn typed(self, span: Span, block: &[u8], nulls: &[Box<[u8]>]) -> Span {
        let bytes = span.bytes(block);
        if self != Self::Message && (bytes == b"-" || nulls.iter().any(|null| **null == *bytes)) {
            return Span { kind: SpanKind::Null, ..span };
        }
        match self {
            Self::Auto => classify(span, block),
            Self::AutoEscaped => match classify(span, block) {
                text if text.kind == SpanKind::Str => Self::Escaped.typed(text, block, nulls),
                other => other,
            },
            Self::Text | Self::Message => span,
            Self::Escaped if bytes.contains(&b'\\') => Span { kind: SpanKind::Escaped, ..span },
            Self::Escaped => span,
        }
    }
}

/// Fields that are parts of a field.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// `GET /path HTTP/1.1`: `method`, `path`, `protocol`.
    Request,
    /// `address:port`, cut at its last colon: the names of both.
    Address(String, String),
}

/// Sets a field, its other names and its parts.
#[derive(Debug)]
pub(super) struct Setter {
    slots: Vec<Slot>,
    kind: Kind,
    is_level: bool,
    request: Option<Request>,
    address: Option<(Slot, Slot)>,
}

impl Setter {
    /// A setter of `field` of `format`; `taken` says whether a name is that of another field of the line.
    pub(super) fn new(
        format: &DataFormat,
        field: &str,
        kind: Option<Kind>,
        taken: &dyn Fn(&str) -> bool,
        fields: &mut Fields,
    ) -> Self {
        let own = [field];
        let others = format.aliases.iter().filter(|(name, of)| of == field && !taken(name));
        let names = own.into_iter().chain(others.map(|(name, _)| name.as_str()));
        let slots = names.filter_map(|name| Slot::wanted(fields, name)).collect();
        let declared = format.kinds.iter().find(|(name, _)| name == field).map(|(_, kind)| *kind);
        let message = (field == "message").then_some(Kind::Message);
        let kind = kind.or(declared).or(message).unwrap_or_default();
        let mut setter = Self {
            slots,
            kind,
            is_level: field == format.level && !format.levels.is_empty(),
            request: None,
            address: None,
        };
        for (_, part) in format.parts.iter().filter(|(of, _)| of == field) {
            match part {
                Part::Request => setter.request = Request::wanted(fields, true),
                Part::Address(host, port) => {
                    setter.address = Some((Slot::new(fields, host), Slot::new(fields, port)));
                }
            }
        }
        setter
    }

    /// Whether any of its fields was asked for.
    pub(super) fn is_wanted(&self) -> bool {
        !self.slots.is_empty() || self.request.is_some() || self.address.is_some()
    }

    /// Whether the record has its field already.
    pub(super) fn is_set(&self, record: &Record) -> bool {
        self.slots.first().is_some_and(|slot| slot.get(record).is_present())
    }

    /// Sets the fields that `span` gives.
    pub(super) fn set(&self, format: &DataFormat, span: Span, block: &[u8], record: &mut Record) {
        let mut typed = self.kind.typed(span, block, &format.nulls);
        if self.is_level {
            typed = format.level_of(typed, block);
        }
        for slot in &self.slots {
            slot.set(record, typed);
        }
        if typed.kind == SpanKind::Null {
            return;
        }
        if let Some(request) = &self.request {
            request.set(typed, block, record);
        }
        if let Some((host, port)) = self.address {
            set_address(host, port, span, block, record);
        }
    }
}

/// `192.0.2.1:80`, `[2001:db8::1]:80`, or `2001:db8::1:80` as load balancers of AWS write it.
fn set_address(host: Slot, port: Slot, span: Span, block: &[u8], record: &mut Record) {
    let bytes = span.bytes(block);
    let Some(colon) = memchr::memrchr(b':', bytes) else { return host.set(record, span) };
    let start = span.start as usize;
    let bracket = usize::from(bytes.starts_with(b"[") && bytes[..colon].ends_with(b"]"));
    host.set(record, Span::new(SpanKind::Str, start + bracket, start + colon - bracket));
    let after = Span::new(SpanKind::Str, start + colon + 1, span.end as usize);
    port.set(record, classify(after, block));
}

impl DataFormat {
    /// The name of the level that a letter or number stands for; as it stands where it has none.
    fn level_of(&self, span: Span, block: &[u8]) -> Span {
        let bytes = span.bytes(block);
        self.levels
            .iter()
            .find(|(text, _)| **text == *bytes)
            .map_or(span, |(_, level)| Span::of_level(*level))
    }
}
