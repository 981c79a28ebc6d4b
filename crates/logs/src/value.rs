//! What a span stands for.

use std::borrow::Cow;

use crate::decimal;
use crate::json::unescape;
use crate::record::{Span, SpanKind};

/// A span's text, with its escapes resolved; nothing where it is missing or null.
#[inline]
#[must_use]
pub fn text<'a>(span: Span, block: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match span.kind {
        SpanKind::Missing | SpanKind::Null => None,
        SpanKind::Escaped => Some(unescape(span.bytes(block))),
        _ => Some(Cow::Borrowed(span.bytes(block))),
    }
}

/// A span's number; text that is a number counts.
#[inline(always)]
#[must_use]
pub fn number(span: Span, block: &[u8]) -> Option<f64> {
    match span.kind {
        SpanKind::Int | SpanKind::Float | SpanKind::Str => {
            match decimal::short(block, span.start as usize, span.end as usize) {
                Some((digits, fraction)) => Some(f64::from(digits) / POWERS[fraction as usize]),
                None => parse_number(span.bytes(block)),
            }
        }
        _ => None,
    }
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The double nearest to a decimal number. Up to 15 digits and no exponent, both the digits
/// and the power of ten are exact, so that one division rounds once and right.
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
    Some(if negative { -value } else { value })
}

#[cold]
fn parse_slowly(bytes: &[u8]) -> Option<f64> {
    let first = bytes.strip_prefix(b"-").unwrap_or(bytes).first()?;
    // Rust would read "inf" and "nan" too.
    first.is_ascii_digit().then_some(())?;
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// A sum of doubles that keeps what additions round away (Neumaier), so that it hardly
/// depends on the order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.add(other.lost);
    }

    /// The sum.
    #[must_use]
    pub fn total(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Sum, number, parse_number};
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
    fn a_sum_keeps_small_parts_beside_large_ones() {
        let mut sum = Sum::default();
        [1e16, 1.0, -1e16, 1.0].into_iter().for_each(|v| sum.add(v));
        assert_eq!(sum.total(), 2.0);
    }
}
