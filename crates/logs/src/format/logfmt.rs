//! `key=value key="quoted value" flag`.
//!
//! A key without a value is null. The last of duplicate keys counts. A line without any `key=` is not
//! of this format. A time in front without a key is `time`.

use std::collections::HashMap;

use super::LineParser;
use super::cursor::{Cursor, Slot, classify};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules};

/// The most keys whose place is learnt.
const KEYS_MAX: usize = 1024;

/// Longer keys are kept out of the fields.
const KEY_BYTES_MAX: usize = 256;

/// Longer than every layout of times.
const TIME_BYTES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Logfmt {
    clock: Clock,
    /// In the order in which they were first seen: the key that followed last time is tried
    /// before it is looked up.
    keys: Vec<(Box<[u8]>, Slot)>,
    by_name: HashMap<Box<[u8]>, usize>,
}

impl Logfmt {
    pub(super) fn new(_: &mut Fields) -> Self {
        let (keys, by_name) = (Vec::new(), HashMap::new());
        Self { clock: Clock::new(Rules::default()), keys, by_name }
    }

    /// A time without a key in front of the pairs, in brackets or not. Most lines begin with a key,
    /// which shows in their first byte.
    fn time(&mut self, c: &mut Cursor<'_>) -> Option<Span> {
        let bracket = usize::from(c.peek() == Some(b'['));
        let text = &c.rest()[bracket..];
        if !text.first().is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
            return None;
        }
        let (_, length) = self.clock.parse_prefix(&text[..text.len().min(TIME_BYTES_MAX)])?;
        let close: &[u8] = if bracket == 1 { b"]" } else { b"" };
        let after = text[length..].strip_prefix(close)?;
        if !matches!(after.first(), Some(b' ') | None) {
            return None;
        }
        let start = c.at + bracket;
        c.at = c.end - after.len();
        c.skip_spaces();
        Some(Span::new(SpanKind::Str, start, start + length))
    }

    fn slot(&mut self, expected: &mut usize, name: &[u8], fields: &mut Fields) -> Slot {
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

impl LineParser for Logfmt {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        let (mut expected, mut pairs) = (0, 0);
        c.skip_spaces();
        if let Some(time) = self.time(&mut c) {
            self.slot(&mut expected, b"time", fields).set(record, time);
        }
        while !c.is_at_end() {
            let rest = c.rest();
            let length = rest.iter().position(|&b| b == b'=' || b == b' ').unwrap_or(rest.len());
            let name = &rest[..length];
            if name.is_empty() || name.contains(&b'"') {
                return Err(Reason::NoMatch);
            }
            c.at += length;
            let value = if c.peek() == Some(b'=') {
                c.at += 1;
                pairs += 1;
                match c.peek() {
                    Some(b'"') => c.quoted()?,
                    Some(b' ') | None => Span::new(SpanKind::Str, c.at, c.at),
                    Some(_) => classify(c.token()?, block),
                }
            } else {
                Span::new(SpanKind::Null, c.at, c.at)
            };
            self.slot(&mut expected, name, fields).set(record, value);
            c.skip_spaces();
        }
        if pairs == 0 { Err(Reason::NoMatch) } else { Ok(()) }
    }
}
