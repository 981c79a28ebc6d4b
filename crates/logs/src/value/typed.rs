//! The value that a span has as each type; `None` where it is null or of another type.
//!
//! Text that reads as a value counts: columns are inferred from samples, and many logs quote numbers.

use super::{short, text};
use crate::record::{Span, SpanKind};
use crate::time::{Clock, Nanos};

/// Whether the span has no value.
#[inline]
#[must_use]
pub fn is_null(span: Span) -> bool {
    matches!(span.kind, SpanKind::Missing | SpanKind::Null)
}

/// `true` or `false`.
#[inline]
#[must_use]
pub fn boolean(span: Span, block: &[u8]) -> Option<bool> {
    match &*text(span, block)? {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// A whole number of 64 bits.
#[inline(always)]
#[must_use]
pub fn integer(span: Span, block: &[u8]) -> Option<i64> {
    match span.kind {
        SpanKind::Int | SpanKind::Str => {
            match short::decimal(block, span.start as usize, span.end as usize) {
                Some((value, 0)) => Some(i64::from(value)),
                _ => parse_integer(span.bytes(block)),
            }
        }
        SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => escaped_integer(span, block),
        SpanKind::Missing | SpanKind::Null | SpanKind::Bool | SpanKind::Float | SpanKind::Json => {
            None
        }
    }
}

#[cold]
fn escaped_integer(span: Span, block: &[u8]) -> Option<i64> {
    parse_integer(&text(span, block)?)
}

/// The most digits that cannot overflow.
const DIGITS_SAFE: usize = 18;

#[inline(never)]
fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > DIGITS_SAFE {
        return std::str::from_utf8(bytes).ok().filter(|t| !t.starts_with('+'))?.parse().ok();
    }
    let mut value = 0i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// A time, by `clock`. A number in quotes is not seconds since 1970: ids look like those.
#[inline]
#[must_use]
pub fn time(span: Span, block: &[u8], clock: &mut Clock) -> Option<Nanos> {
    let text = text(span, block)?;
    let quoted = matches!(span.kind, SpanKind::Str | SpanKind::Escaped | SpanKind::Quoted);
    if quoted && is_number(&text) {
        return None;
    }
    clock.parse(&text)
}

/// The value of a field that is known to hold times, by `clock`: a number in quotes is one, too.
#[inline]
#[must_use]
pub fn known_time(span: Span, block: &[u8], clock: &mut Clock) -> Option<Nanos> {
    clock.parse(&text(span, block)?)
}

/// Whether a text is a number of digits, a point and a minus only.
fn is_number(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && super::parse_number(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integer that a text is by itself; it must be the same when other bytes follow.
    fn parsed(text: &str) -> Option<i64> {
        let span = Span::new(SpanKind::Str, 0, text.len());
        let alone = integer(span, text.as_bytes());
        let among = integer(span, format!("{text}12345678").as_bytes());
        assert_eq!(alone, among, "{text:?}");
        alone
    }

    #[test]
    fn integers_are_read_up_to_their_bounds_and_nothing_else_is() {
        for value in [0, 7, -7, 123_456_789_012_345_678, i64::MAX, i64::MIN] {
            assert_eq!(parsed(&value.to_string()), Some(value));
        }
        for not in ["", "-", "+1", "1.0", "1e3", "0x10", "9223372036854775808", " 1", "1 "] {
            assert_eq!(parsed(not), None, "{not:?}");
        }
    }

    #[test]
    fn a_number_in_quotes_is_no_time() {
        let mut clock = Clock::new(crate::time::Rules::default());
        let at = |kind, text: &str, clock: &mut Clock| {
            time(Span::new(kind, 0, text.len()), text.as_bytes(), clock)
        };
        assert!(at(SpanKind::Int, "1652857722", &mut clock).is_some());
        assert!(at(SpanKind::Float, "1652857722.5", &mut clock).is_some());
        assert_eq!(at(SpanKind::Str, "1652857722", &mut clock), None);
        assert_eq!(at(SpanKind::Str, "1652857722.5", &mut clock), None);
        assert!(at(SpanKind::Str, "2026-03-01T10:00:00Z", &mut clock).is_some());
    }

    #[test]
    fn a_value_in_text_may_be_escaped() {
        let escaped = |text: &str| Span::new(SpanKind::Escaped, 0, text.len());
        let (minus_one, yes) = (r"\u002d1", r"tru\u0065");
        assert_eq!(integer(escaped(minus_one), minus_one.as_bytes()), Some(-1));
        assert_eq!(boolean(escaped(yes), yes.as_bytes()), Some(true));
    }
}
