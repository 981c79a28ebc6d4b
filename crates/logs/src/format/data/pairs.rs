//! `key=value` pairs within a field.

use std::collections::HashMap;

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
    slots: HashMap<Box<[u8]>, Option<FieldId>>,
}

impl PairReader {
    pub(super) fn new(blanks: bool) -> Self {
        Self { blanks, slots: HashMap::new() }
    }

    /// Reads the pairs in `span`; words that are no pairs are passed over.
    pub(super) fn read(
        &mut self,
        span: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let (mut at, end) = (span.start as usize, span.end as usize);
        while at < end {
            let text = &block[at..end];
            let Some(key) = key_length(text) else {
                at += word_length(text);
                continue;
            };
            let from = at + key + 1;
            let value = self.value(from, end, block);
            self.set(&text[..key], value, block, fields, record);
            at = (value.end as usize).max(from);
            // auditd puts the pairs of a program into a value in apostrophes.
            if block[from..end].starts_with(b"'") {
                self.read(value, block, fields, record);
            }
        }
    }

    /// The value that begins at `from`.
    fn value(&self, from: usize, end: usize, block: &[u8]) -> Span {
        let text = &block[from..end];
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

    fn set(
        &mut self,
        key: &[u8],
        value: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        debug_assert!(value.end as usize <= block.len());
        let id = match self.slots.get(key) {
            Some(id) => *id,
            None => {
                let name = String::from_utf8_lossy(key);
                let id = Slot::wanted(fields, &name).and_then(Slot::id);
                if self.slots.len() < KEYS_MAX {
                    self.slots.insert(key.into(), id);
                }
                id
            }
        };
        if let Some(id) = id.filter(|&id| !record.get(id).is_present()) {
            record.set(id, value);
        }
    }
}

/// The length of the key that `text` begins with, where a `=` follows it.
fn key_length(text: &[u8]) -> Option<usize> {
    let is_key = |b: &u8| b.is_ascii_alphanumeric() || b"_-.@/[]".contains(b);
    let length = text.iter().position(|b| !is_key(b))?;
    let fits = (1..=KEY_BYTES_MAX).contains(&length) && text[length] == b'=';
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
    let next = blanks.into_iter().find(|&at| key_length(&text[at + 1..]).is_some());
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
