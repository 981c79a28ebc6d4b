//! The value that a span has in a column of each type; nothing where it is null or does not fit.

use cutwater_logs::decimal;
use cutwater_logs::record::{Span, SpanKind};
use cutwater_logs::time::{Clock, Nanos};
use cutwater_logs::value;

/// Whether the span says that there is no value.
#[inline]
pub(crate) fn is_null(span: Span) -> bool {
    matches!(span.kind, SpanKind::Missing | SpanKind::Null)
}

#[inline]
pub(crate) fn boolean(span: Span, block: &[u8]) -> Option<bool> {
    match span.bytes(block) {
        b"true" if !is_null(span) => Some(true),
        b"false" if !is_null(span) => Some(false),
        _ => None,
    }
}

/// So many digits never overflow.
const DIGITS_SAFE: usize = 18;

#[inline(always)]
pub(crate) fn integer(span: Span, block: &[u8]) -> Option<i64> {
    if !matches!(span.kind, SpanKind::Int | SpanKind::Str) {
        return None;
    }
    match decimal::short(block, span.start as usize, span.end as usize) {
        Some((value, 0)) => Some(i64::from(value)),
        _ => long_integer(span.bytes(block)),
    }
}

#[inline(never)]
fn long_integer(bytes: &[u8]) -> Option<i64> {
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

/// A double. The engine orders -0.0 before 0.0, which SQL does not: there is one zero here.
#[inline]
pub(crate) fn double(span: Span, block: &[u8]) -> Option<f64> {
    value::number(span, block).map(one_zero)
}

/// The number, of which zero has no sign.
#[inline]
pub(crate) fn one_zero(number: f64) -> f64 {
    number + 0.0
}

#[inline]
pub(crate) fn time(span: Span, block: &[u8], clock: &mut Clock) -> Option<Nanos> {
    match span.kind {
        SpanKind::Escaped | SpanKind::Quoted => clock.parse(&value::text(span, block)?),
        SpanKind::Missing | SpanKind::Null => None,
        _ => clock.parse(span.bytes(block)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is alone, which it is too with other bytes behind it.
    fn of(text: &str) -> Option<i64> {
        let of = |block: &str| integer(Span::new(SpanKind::Str, 0, text.len()), block.as_bytes());
        let (alone, among) = (of(text), of(&format!("{text}12345678")));
        assert_eq!(alone, among, "{text:?}");
        alone
    }

    #[test]
    fn integers_are_read_up_to_their_bounds_and_nothing_else_is() {
        for value in [0, 7, -7, 123_456_789_012_345_678, i64::MAX, i64::MIN] {
            assert_eq!(of(&value.to_string()), Some(value));
        }
        for not in ["", "-", "+1", "1.0", "1e3", "0x10", "9223372036854775808", " 1", "1 "] {
            assert_eq!(of(not), None, "{not:?}");
        }
    }
}
