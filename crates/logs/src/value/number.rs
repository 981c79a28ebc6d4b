//! Numbers as doubles.
//!
//! There is one zero. SQL has no other, IEEE 754 compares both as equal, and the canonical form of JSON
//! (RFC 8785) writes -0 as 0; but Arrow, and the engines built on it, order and group -0.0 apart from 0.0.

use super::{short, text};
use crate::record::{Span, SpanKind};

/// A span's number; text that is a number counts.
#[inline(always)]
#[must_use]
pub fn number(span: Span, block: &[u8]) -> Option<f64> {
    match span.kind {
        SpanKind::Int | SpanKind::Float | SpanKind::Str => {
            match short::decimal(block, span.start as usize, span.end as usize) {
                Some((digits, fraction)) => Some(f64::from(digits) / POWERS[fraction as usize]),
                None => parse_number(span.bytes(block)),
            }
        }
        SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => escaped_number(span, block),
        SpanKind::Missing | SpanKind::Null | SpanKind::Bool | SpanKind::Json => None,
    }
}

/// A text is the same however it is written: `"\u0031"` is `"1"` (RFC 8259, section 8.3).
#[cold]
fn escaped_number(span: Span, block: &[u8]) -> Option<f64> {
    parse_number(&text(span, block)?)
}

/// The same number; -0.0 becomes 0.0.
#[inline]
#[must_use]
pub fn one_zero(number: f64) -> f64 {
    number + 0.0
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The double nearest to a decimal number. With up to 15 digits and no exponent, both the digits
/// and the power of ten are exact, so one division rounds once and right.
#[must_use]
pub fn parse_number(bytes: &[u8]) -> Option<f64> {
    const DIGITS_EXACT: usize = 15;
    let (negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > DIGITS_EXACT + 1 {
        return parse_slowly(bytes);
    }
    let (mut mantissa, mut point) = (0u64, digits.len());
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point == digits.len() && at > 0 => point = at,
            _ => return parse_slowly(bytes),
        }
    }
    let fraction = digits.len().saturating_sub(point + 1);
    let value = mantissa as f64 / POWERS[fraction];
    // Unlike -value, this makes no -0.0.
    Some(if negative { 0.0 - value } else { value })
}

#[cold]
fn parse_slowly(bytes: &[u8]) -> Option<f64> {
    let first = bytes.strip_prefix(b"-").unwrap_or(bytes).first()?;
    // Rust would read "inf" and "nan" too.
    first.is_ascii_digit().then_some(())?;
    std::str::from_utf8(bytes).ok()?.parse().ok().map(one_zero)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{number, parse_number};
    use crate::record::{Span, SpanKind};

    proptest! {
        #[test]
        fn a_span_in_a_block_is_the_same_number_as_alone(
            text in "-?[0-9]{1,9}(\\.[0-9]{0,6})?|\\.[0-9]|[0-9.e]{0,5}",
            after in "[0-9.\"]{0,9}",
        ) {
            let block = format!("{text}{after}");
            let span = Span::new(SpanKind::Float, 0, text.len());
            prop_assert_eq!(number(span, block.as_bytes()), parse_number(text.as_bytes()));
        }

        #[test]
        fn numbers_are_the_same_doubles_as_the_standard_librarys(text in "-?[0-9]{1,17}(\\.[0-9]{1,8})?") {
            prop_assert_eq!(parse_number(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn what_is_no_number_gives_none(text in "[-+.a-z]{0,5}") {
            prop_assert_eq!(parse_number(text.as_bytes()), None);
        }
    }

    #[test]
    fn there_is_one_zero() {
        for zero in ["0", "-0", "-0.0", "-0e5", "-0.00000000000000000000", "-1e-999"] {
            let bits = parse_number(zero.as_bytes()).map(f64::to_bits);
            assert_eq!(bits, Some(0.0_f64.to_bits()), "{zero}");
        }
    }

    #[test]
    fn a_number_in_text_may_be_escaped() {
        let text = br"\u002d1\u002e5";
        let span = Span::new(SpanKind::Escaped, 0, text.len());
        assert_eq!(number(span, text), Some(-1.5));
    }
}
