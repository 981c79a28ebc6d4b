//! The user's own format: a `log_format` string of nginx.
//!
//! Each variable takes the bytes up to the text that follows it in the string; the last one
//! takes the rest. Fields are called like the variables.

use super::LineParser;
use super::cursor::{Slot, classify};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::{Error, Result};

/// A parsed `log_format` string.
#[derive(Debug, Clone)]
pub struct Template {
    lead: Box<[u8]>,
    /// Variables, each with the text that follows it.
    parts: Vec<(String, Box<[u8]>)>,
}

impl Template {
    pub(super) fn new(template: &str) -> Result<Self> {
        let mut pieces = template.split('$');
        let lead = pieces.next().unwrap_or_default().as_bytes().into();
        let mut parts: Vec<(String, Box<[u8]>)> = Vec::new();
        for piece in pieces {
            let (name, text) = variable(piece);
            if name.is_empty() {
                return Err(Error::request(format!(
                    "the log_format has a $ without a name before {text:?}"
                )));
            }
            parts.push((name.to_owned(), Box::from(text.as_bytes())));
        }
        let count = parts.len();
        if count == 0 {
            return Err(Error::request(
                "the log_format has no variables; it should look like $remote_addr [$time_local] ...",
            ));
        }
        if let Some((name, _)) = parts[..count - 1].iter().find(|(_, text)| text.is_empty()) {
            return Err(Error::request(format!(
                "nothing separates ${name} from the variable after it, so lines cannot be split there"
            )));
        }
        Ok(Self { lead, parts })
    }

    /// The names of its variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(name, _)| name.as_str())
    }
}

/// A variable's name, with or without braces, and the text after it.
fn variable(piece: &str) -> (&str, &str) {
    if let Some((name, text)) = piece.strip_prefix('{').and_then(|p| p.split_once('}')) {
        return (name, text);
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    piece.split_at(piece.find(|c| !is_name(c)).unwrap_or(piece.len()))
}

#[derive(Debug)]
pub(super) struct Nginx {
    template: Template,
    slots: Vec<Slot>,
}

impl Nginx {
    pub(super) fn new(template: Template, fields: &mut Fields) -> Self {
        let slots = template.names().map(|name| Slot::new(fields, name)).collect();
        Self { template, slots }
    }
}

impl LineParser for Nginx {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        _: &mut Fields,
        record: &mut Record,
    ) -> std::result::Result<(), Reason> {
        if !block[start..end].starts_with(&self.template.lead) {
            return Err(Reason::NoMatch);
        }
        let mut at = start + self.template.lead.len();
        for ((_, text), slot) in self.template.parts.iter().zip(&self.slots) {
            let rest = &block[at..end];
            let length = if text.is_empty() {
                rest.len()
            } else {
                memchr::memmem::find(rest, text).ok_or(Reason::NoMatch)?
            };
            let span = classify(Span::new(SpanKind::Str, at, at + length), block);
            let escaped = span.kind == SpanKind::Str && rest[..length].contains(&b'\\');
            slot.set(record, if escaped { Span { kind: SpanKind::Escaped, ..span } } else { span });
            at += length + text.len();
        }
        if at == end { Ok(()) } else { Err(Reason::NoMatch) }
    }
}
