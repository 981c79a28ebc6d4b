//! `key=value` pairs within a field.

use std::collections::HashMap;

use super::setter::Setter;
use super::{DataFormat, Pairs};
use crate::format::cursor::{Slot, classify};
use crate::record::{FieldId, Fields, Record, Span, SpanKind};

/// The most keys that are kept.
const KEYS_MAX: usize = 1024;

/// Longer keys are kept out of the fields.
const KEY_BYTES_MAX: usize = 256;

/// Sets a field for each pair that the format itself has not set.
#[derive(Debug)]
pub(super) struct PairReader {
    /// Whether blanks belong to a value, which then ends before the next key.
    blanks: bool,
    /// What ends a value, where nothing else does.
    separator: Option<u8>,
    /// What stands between a key and its value.
    assign: u8,
    targets: HashMap<Box<[u8]>, Target>,
}

/// What a pair sets.
#[derive(Debug)]
enum Target {
    /// A field, if it was asked for.
    Field(Option<FieldId>),
    /// A field that the format describes beyond its name.
    Said(Box<Setter>),
}

impl PairReader {
    pub(super) fn new(pairs: &Pairs) -> Self {
        let Pairs { blanks, separator, assign, .. } = *pairs;
        Self { blanks, separator, assign, targets: HashMap::new() }
    }

    /// Reads the pairs in `span`; words that are no pairs are passed over.
    pub(super) fn read(
        &mut self,
        format: &DataFormat,
        span: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let (mut at, end) = (span.start as usize, span.end as usize);
        while at < end {
            let text = &block[at..end];
            let Some(key) = key_length(text, self.assign) else {
                at += self.word_length(text);
                continue;
            };
            let from = at + key + 1;
            let value = self.value(from, end, block);
            self.set(format, &text[..key], value, block, fields, record);
            at = (value.end as usize).max(from);
            // auditd puts the pairs of a program into a value in apostrophes.
            if self.separator.is_none() && block[from..end].starts_with(b"'") {
                self.read(format, value, block, fields, record);
            }
        }
    }

    /// The value that begins at `from`.
    fn value(&self, from: usize, end: usize, block: &[u8]) -> Span {
        let text = &block[from..end];
        if let Some(separator) = self.separator {
            let length = memchr::memchr(separator, text).unwrap_or(text.len());
            let span = Span::new(SpanKind::Str, from, from + length);
            return if length == 0 { span } else { classify(span, block) };
        }
        if let Some(&quote @ (b'"' | b'\'')) = text.first()
            && let Some((length, escaped)) = quoted_length(&text[1..], quote)
        {
            let kind = if escaped { SpanKind::Escaped } else { SpanKind::Str };
            return Span::new(kind, from + 1, from + 1 + length);
        }
        let length = if self.blanks { spaced_length(text) } else { bare_length(text) };
        let span = Span::new(SpanKind::Str, from, from + length);
        if span.bytes(block).is_empty() { span } else { classify(span, block) }
    }

    /// To where the next word begins; at least 1.
    fn word_length(&self, text: &[u8]) -> usize {
        match self.separator {
            Some(separator) => memchr::memchr(separator, text).map_or(text.len(), |at| at + 1),
            None => word_length(text),
        }
    }

    fn set(
        &mut self,
        format: &DataFormat,
        key: &[u8],
        value: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        debug_assert!(value.end as usize <= block.len());
        if !self.targets.contains_key(key) {
            let target = Target::new(format, &String::from_utf8_lossy(key), fields);
            if self.targets.len() >= KEYS_MAX {
                return target.set(format, value, block, record);
            }
            self.targets.insert(key.into(), target);
        }
        if let Some(target) = self.targets.get(key) {
            target.set(format, value, block, record);
        }
    }
}

impl Target {
    fn new(format: &DataFormat, name: &str, fields: &mut Fields) -> Self {
        if format.says_of(name) {
            Self::Said(Box::new(Setter::new(format, name, None, &|_| false, fields)))
        } else {
            Self::Field(Slot::wanted(fields, name).and_then(Slot::id))
        }
    }

    fn set(&self, format: &DataFormat, value: Span, block: &[u8], record: &mut Record) {
        match self {
            Self::Field(Some(id)) if !record.get(*id).is_present() => record.set(*id, value),
            Self::Field(_) => {}
            Self::Said(setter) if setter.is_set(record) => {}
            Self::Said(setter) => setter.set(format, without_brackets(value, block), block, record),
        }
    }
}

/// A value without the brackets around it, as LTSV writes times.
fn without_brackets(span: Span, block: &[u8]) -> Span {
    match span.bytes(block) {
        [b'[', .., b']'] => Span { start: span.start + 1, end: span.end - 1, ..span },
        _ => span,
    }
}

/// The length of the key that `text` begins with, where `assign` follows it.
fn key_length(text: &[u8], assign: u8) -> Option<usize> {
    let is_key = |b: &u8| b.is_ascii_alphanumeric() || b"_-.@/[]".contains(b);
    let length = text.iter().position(|b| !is_key(b))?;
    let fits = (1..=KEY_BYTES_MAX).contains(&length) && text[length] == assign;
    (fits && !text[0].is_ascii_digit()).then_some(length)
}

/// To where the next word begins; at least 1.
fn word_length(text: &[u8]) -> usize {
    let is_between = |b: &u8| matches!(b, b' ' | b'\t' | b',' | b';' | b'(' | b'{' | 0x1d);
    let word = text.iter().position(is_between).unwrap_or(text.len());
    let between = text[word..].iter().take_while(|b| is_between(b)).count();
    (word + between).max(1)
}

fn bare_length(text: &[u8]) -> usize {
    let is_end = |b: &u8| matches!(b, b' ' | b'\t' | b',' | b';' | 0x1d);
    text.iter().position(is_end).unwrap_or(text.len())
}

/// To before the blank that the next `key=` follows.
fn spaced_length(text: &[u8]) -> usize {
    let blanks = memchr::memchr_iter(b' ', text);
    let next = blanks.into_iter().find(|&at| key_length(&text[at + 1..], b'=').is_some());
    next.unwrap_or(text.len())
}

/// The length of what stands before the closing quote, and whether a backslash is in it.
fn quoted_length(text: &[u8], quote: u8) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (0, false);
    loop {
        at += memchr::memchr2(quote, b'\\', text.get(at..)?)?;
        if text[at] == quote {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}
