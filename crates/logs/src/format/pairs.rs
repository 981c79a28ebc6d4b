//! `key=value` pairs.

use std::collections::HashMap;

use super::cursor::{Cursor, Slot, classify};
use crate::record::{Fields, Span, SpanKind};

/// The most keys that are learnt.
const KEYS_MAX: usize = 1024;

/// Longer keys are kept out of the fields.
const KEY_BYTES_MAX: usize = 256;

/// The fields of keys, learnt as they are seen.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// In the order in which they were first seen: the key that followed last time is tried
    /// before it is looked up.
    keys: Vec<(Box<[u8]>, Slot)>,
    by_name: HashMap<Box<[u8]>, usize>,
}

impl Keys {
    /// The field of a key; `expected` is the place of the key that may come next.
    pub(super) fn slot(&mut self, expected: &mut usize, name: &[u8], fields: &mut Fields) -> Slot {
        if let Some((key, slot)) = self.keys.get(*expected)
            && **key == *name
        {
            *expected += 1;
            return *slot;
        }
        if let Some(&index) = self.by_name.get(name) {
            *expected = index + 1;
            return self.keys[index].1;
        }
        let Ok(text) = std::str::from_utf8(name) else { return Slot::default() };
        if self.keys.len() >= KEYS_MAX || name.len() > KEY_BYTES_MAX {
            return Slot::default();
        }
        let slot = Slot::new(fields, text);
        self.by_name.insert(name.into(), self.keys.len());
        self.keys.push((name.into(), slot));
        *expected = self.keys.len();
        slot
    }
}

/// The value without quotes at the cursor, up to the next blank. A comma or a semicolon at its end
/// separates it from the next pair.
#[inline]
pub(super) fn bare_value(c: &mut Cursor<'_>) -> Span {
    let value = bare_text(c);
    classify(value, c.block)
}

/// The same as text, whatever it looks like.
#[inline]
pub(super) fn bare_text(c: &mut Cursor<'_>) -> Span {
    let rest = c.rest();
    let length = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
    let separated = matches!(rest[..length].last(), Some(b',' | b';')) && length < rest.len();
    let end = c.at + length - usize::from(separated);
    let span = Span::new(SpanKind::Str, c.at, end);
    c.at = (c.at + length + 1).min(c.end);
    span
}

/// Calls `each` with the key and the value of every pair in `block[start..end]`, which is text
/// otherwise.
pub(super) fn in_text(block: &[u8], start: usize, end: usize, mut each: impl FnMut(&[u8], Span)) {
    let mut from = start;
    while let Some(found) = memchr::memchr(b'=', &block[from..end]) {
        let equals = from + found;
        from = equals + 1;
        let Some(key) = key_before(&block[start..equals]) else { continue };
        let mut c = Cursor::new(block, from, end);
        let value = match c.peek() {
            Some(b'"') => c.quoted().ok(),
            Some(b' ' | b'=' | b'>' | b'~' | b'\t') | None => None,
            Some(b'\'') if memchr::memchr(b'\'', &block[from + 1..end]).is_some() => {
                c.at += 1;
                c.until(b'\'').ok()
            }
            Some(_) => {
                let value = bare_value(&mut c);
                let first = before_next_pair(value, block);
                if first.end < value.end {
                    c.at = first.end as usize + 1;
                }
                Some(without_bracket(first, block))
            }
        };
        if let Some(value) = value {
            each(key, value);
            from = c.at.max(from);
        }
    }
}

/// The key that a text ends with: letters, digits and marks of names after a blank or a bracket.
fn key_before(text: &[u8]) -> Option<&[u8]> {
    let is_of_key = |b: u8| b.is_ascii_alphanumeric() || b"_.-@".contains(&b);
    let length = text.iter().rev().take(KEY_BYTES_MAX + 1).take_while(|b| is_of_key(**b)).count();
    let start = text.len() - length;
    let begins = start == 0 || b" \t,;([{|".contains(&text[start - 1]);
    let key = &text[start..];
    let named = key.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || *b == b'@');
    (begins && named && length <= KEY_BYTES_MAX).then_some(key)
}

/// A value without the pair that follows it after a comma or a semicolon.
fn before_next_pair(value: Span, block: &[u8]) -> Span {
    let text = value.bytes(block);
    let begins_pair = |at: usize| {
        let rest = &text[at + 1..];
        let key = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(b));
        let length = key.count();
        length > 0 && rest.get(length) == Some(&b'=')
    };
    let mut marks = text.iter().enumerate().filter(|(_, b)| matches!(b, b',' | b';'));
    match marks.find(|(at, _)| begins_pair(*at)) {
        Some((at, _)) => {
            let end = value.start + at as u32;
            classify(Span { end, kind: SpanKind::Str, ..value }, block)
        }
        None => value,
    }
}

/// A value without a bracket at its end that was opened before it.
fn without_bracket(value: Span, block: &[u8]) -> Span {
    let text = value.bytes(block);
    let close = match text.last() {
        Some(b')') if !text.contains(&b'(') => true,
        Some(b']') if !text.contains(&b'[') => true,
        Some(b'}') if !text.contains(&b'{') => true,
        _ => false,
    };
    if !close || text.len() == 1 {
        return value;
    }
    classify(Span { end: value.end - 1, kind: SpanKind::Str, ..value }, block)
}
