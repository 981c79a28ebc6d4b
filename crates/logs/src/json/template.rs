//! Lines that are like one before: all text between their values is the same.
//!
//! Most lines of a log differ from the line before in their values only. So a line that was walked
//! over and found good is cut into its values and the texts between them, and the lines after it
//! are compared with these texts. Where all of them are in place and each value is valid by
//! itself, the line is valid as the first one was, and its fields are where they were: a wrong guess
//! costs time, never an answer.
//!
//! Where a text has to begin is taken from the list of stops, and is only compared with where the
//! value before it ended. So the processor need not wait for the length of one value to begin
//! with the next.

use super::{number, string};
use crate::record::{FieldId, Record, Span, SpanKind};

/// Lines with more values, or more text between them, are not learnt.
const VALUES_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 16 << 10;

/// A value of a line that was walked over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    /// Its bytes, without quotation marks.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is a string.
    pub(super) is_text: bool,
    pub(super) field: Option<FieldId>,
}

/// The texts of a line.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// Each with the value after it.
    texts: Vec<Text>,
    /// The text after the last value, up to the line feed.
    last: Text,
}

/// The text between two values, with the quotation marks of both.
#[derive(Debug, Clone)]
struct Text {
    /// Its first 16 bytes and which of them count, for one comparison.
    head: u128,
    head_mask: u128,
    length: u32,
    /// How many stops it has, and how many bytes it has before the first of them.
    stops: u32,
    lead: u32,
    /// Whether the value after it is a string.
    before_text: bool,
    /// Where that value goes.
    field: Option<FieldId>,
    bytes: Box<[u8]>,
}

impl Text {
    fn new(bytes: &[u8], value: Option<&Value>, is_stop: impl Fn(u8) -> bool) -> Self {
        let mut head = [0; 16];
        let n = bytes.len().min(16);
        head[..n].copy_from_slice(&bytes[..n]);
        Self {
            head: u128::from_le_bytes(head),
            head_mask: if n == 16 { u128::MAX } else { (1 << (8 * n)) - 1 },
            length: bytes.len() as u32,
            stops: bytes.iter().filter(|&&b| is_stop(b)).count() as u32,
            lead: bytes.iter().position(|&b| is_stop(b)).unwrap_or(0) as u32,
            before_text: value.is_some_and(|v| v.is_text),
            field: value.and_then(|v| v.field),
            bytes: bytes.into(),
        }
    }

    /// Whether it stands at `at`.
    #[inline(always)]
    fn is_at(&self, block: &[u8], at: usize) -> bool {
        let Some(rest) = block.get(at..) else { return false };
        match rest.first_chunk::<16>() {
            Some(head) => {
                let equal = (u128::from_le_bytes(*head) ^ self.head) & self.head_mask == 0;
                equal && (self.length <= 16 || rest.starts_with(&self.bytes))
            }
            None => rest.starts_with(&self.bytes),
        }
    }
}

/// Where a line of a template ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// Its line feed, or the end of the block.
    pub(super) at: usize,
    /// The first stop at or after that.
    pub(super) stop: usize,
}

impl Template {
    /// The template of the line `block[start..end]` with these values, in their order.
    pub(super) fn new(
        block: &[u8],
        (start, end): (usize, usize),
        values: &[Value],
        is_stop: impl Fn(u8) -> bool + Copy,
    ) -> Option<Self> {
        let text_bytes = (end - start) - values.iter().map(|v| v.end - v.start).sum::<usize>();
        if values.len() > VALUES_MAX || text_bytes > TEXT_BYTES_MAX {
            return None;
        }
        let mut texts = Vec::with_capacity(values.len());
        let mut from = start;
        for value in values {
            texts.push(Text::new(block.get(from..value.start)?, Some(value), is_stop));
            from = value.end;
        }
        Some(Self { texts, last: Text::new(block.get(from..end)?, None, is_stop) })
    }

    /// Whether the line at `start`, whose first stop is `stop`, fits this template, and where it
    /// ends. Where it does not fit, the fields set in `record` do not count.
    #[inline(never)]
    pub(super) fn line(
        &self,
        block: &[u8],
        stops: &[u32],
        start: usize,
        mut stop: usize,
        record: &mut Record,
    ) -> Option<Ended> {
        let (first, rest) = self.texts.split_first()?;
        if !first.is_at(block, start) {
            return None;
        }
        let mut text = first;
        let mut at = start;
        for next in rest.iter().chain([&self.last]) {
            let value = at + text.length as usize;
            stop += text.stops as usize;
            let found = *stops.get(stop)? as usize;
            let (kind, end) = if text.before_text {
                if block.get(found) == Some(&b'"') {
                    (SpanKind::Str, found)
                } else {
                    let (end, kind);
                    (end, kind, stop) = string_with_stops(block, stops, value, stop)?;
                    (kind, end)
                }
            } else {
                match next.stops {
                    0 => scalar(block, value)?,
                    _ => {
                        let end = found.wrapping_sub(next.lead as usize);
                        (scalar_until(block, value, end)?, end)
                    }
                }
            };
            if !next.is_at(block, end) {
                return None;
            }
            if let Some(field) = text.field {
                record.set(field, Span::new(kind, value, end));
            }
            (text, at) = (next, end);
        }
        let end = at + text.length as usize;
        let ended = block.get(end).is_none_or(|&b| b == b'\n');
        ended.then_some(Ended { at: end, stop: stop + text.stops as usize })
    }
}

/// The string whose text begins at `value` and has the stop `stop`, which is not a quotation mark:
/// where it ends, what it is, and which stop its end is.
#[cold]
fn string_with_stops(
    block: &[u8],
    stops: &[u32],
    value: usize,
    stop: usize,
) -> Option<(usize, SpanKind, usize)> {
    let close = string::close(block, stops, stop)?;
    let end = stops[close] as usize;
    let escaped = string::check(block, value, end).ok()?;
    Some((end, if escaped { SpanKind::Escaped } else { SpanKind::Str }, close))
}

/// What the number or word `block[at..end]` is.
#[inline(always)]
fn scalar_until(block: &[u8], at: usize, end: usize) -> Option<SpanKind> {
    if let Some(kind) = number::short(block, at, end) {
        return Some(kind);
    }
    let (kind, found) = scalar(block, at)?;
    (found == end).then_some(kind)
}

/// The number or word at `at`: what it is, and where it ends.
#[inline(never)]
fn scalar(block: &[u8], at: usize) -> Option<(SpanKind, usize)> {
    match *block.get(at)? {
        b'-' | b'0'..=b'9' => number::number(block, at).ok().map(|(end, kind)| (kind, end)),
        b't' | b'f' | b'n' => word(block.get(at..)?).map(|(n, kind)| (kind, at + n)),
        _ => None,
    }
}

/// How long the word is that `rest` begins with, and what it is.
#[inline]
pub(super) fn word(rest: &[u8]) -> Option<(usize, SpanKind)> {
    let words: [(&[u8], SpanKind); 3] =
        [(b"true", SpanKind::Bool), (b"false", SpanKind::Bool), (b"null", SpanKind::Null)];
    let found = words.iter().find(|(word, _)| rest.starts_with(word))?;
    Some((found.0.len(), found.1))
}
