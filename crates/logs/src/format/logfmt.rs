//! `key=value key="quoted value" flag`.
//!
//! A key without a value is null. The last of duplicate keys counts. A line without any `key=` is not
//! of this format. A time in front without a key is `time`, or `timestamp` where a key is called `time`.

use super::LineParser;
use super::cursor::Cursor;
use super::pairs::{Keys, bare_text, bare_value};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules};

/// Longer than every layout of times.
const TIME_BYTES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Logfmt {
    clock: Clock,
    keys: Keys,
    /// The name of a time without a key.
    time: &'static str,
}

impl Logfmt {
    pub(super) fn new(rules: &Rules, time: &'static str) -> Self {
        Self { clock: Clock::new(rules.clone()), keys: Keys::default(), time }
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
        if c.peek() == Some(b'<') {
            let priority = super::syslog::priority(&mut c)?;
            self.keys.slot(&mut expected, b"priority", fields).set(record, priority);
        }
        if let Some(time) = self.time(&mut c) {
            self.keys.slot(&mut expected, self.time.as_bytes(), fields).set(record, time);
        }
        while !c.is_at_end() {
            let rest = c.rest();
            let length = rest.iter().position(|&b| b == b'=' || b == b' ').unwrap_or(rest.len());
            let name = &rest[..length];
            if name.is_empty() || name.contains(&b'"') {
                return Err(Reason::NoMatch);
            }
            c.at += length;
            let slot = self.keys.slot(&mut expected, name, fields);
            let value = if c.peek() == Some(b'=') {
                c.at += 1;
                pairs += 1;
                match c.peek() {
                    Some(b'"') => c.quoted()?,
                    Some(b' ') | None => Span::new(SpanKind::Str, c.at, c.at),
                    Some(_) if slot.id().is_none() => bare_text(&mut c),
                    Some(_) => bare_value(&mut c),
                }
            } else {
                Span::new(SpanKind::Null, c.at, c.at)
            };
            slot.set(record, value);
            c.skip_spaces();
        }
        if pairs == 0 { Err(Reason::NoMatch) } else { Ok(()) }
    }
}
