//! What a span stands for.

use std::borrow::Cow;
use std::cmp::Ordering;

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
        SpanKind::Quoted => Some(unquote(span.bytes(block)).into()),
        _ => Some(Cow::Borrowed(span.bytes(block))),
    }
}

/// Text without the backslashes that escape what RFC 5424 has escaped.
#[cold]
fn unquote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = bytes.next_if(|next| byte == b'\\' && matches!(next, b'"' | b'\\' | b']'));
        out.push(escaped.unwrap_or(byte));
    }
    out
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

/// How two numbers compare, each as the nearest double and as it stands. Doubles that differ
/// decide; equal ones may be of different integers past 2^53, so their digits do.
#[inline]
pub(crate) fn order(a: (f64, &[u8]), b: (f64, &[u8])) -> Ordering {
    match a.0.total_cmp(&b.0) {
        // Of zeros, -0.0 would be the smaller.
        _ if a.0 == b.0 => {
            if a.1 == b.1 {
                Ordering::Equal
            } else {
                order_of_digits(a.1, b.1)
            }
        }
        differ => differ,
    }
}

/// How two decimal numbers of the same double compare, exactly.
#[cold]
fn order_of_digits(a: &[u8], b: &[u8]) -> Ordering {
    let (Some(a), Some(b)) = (Decimal::new(a), Decimal::new(b)) else { return Ordering::Equal };
    if a.digits.is_empty() || b.digits.is_empty() || a.negative != b.negative {
        // One of them is zero, and the other so small that it counts as one.
        return Ordering::Equal;
    }
    let order = a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits));
    if a.negative { order.reverse() } else { order }
}

/// 0.DIGITS times ten to the power of `point`; neither end of the digits is a zero.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn new(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            _ => (false, text),
        };
        let end = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
        let exponent = match text.get(end + 1..) {
            Some(digits) => std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?,
            None => 0,
        };
        let whole = text[..end].iter().position(|&b| b == b'.').unwrap_or(end);
        let mut digits: Vec<u8> = text[..end].iter().copied().filter(|&b| b != b'.').collect();
        let leading = digits.iter().take_while(|&&b| b == b'0').count();
        digits.drain(..leading);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let point = exponent.saturating_add(whole as i64).saturating_sub(leading as i64);
        Some(Self { negative, digits, point })
    }
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
        if other.sum.is_finite() {
            self.add(other.lost);
        }
    }

    /// The sum.
    #[must_use]
    pub fn total(self) -> f64 {
        // Past what a double holds, what was lost is no number.
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::{Sum, number, order, parse_number};
    use crate::record::{Span, SpanKind};

    fn compare(a: &str, b: &str) -> Ordering {
        let number = |text: &str| parse_number(text.as_bytes()).unwrap();
        order((number(a), a.as_bytes()), (number(b), b.as_bytes()))
    }

    proptest! {
        #[test]
        fn integers_compare_as_integers(a: i128, near in -2i128..=2, zeros in 0usize..3) {
            let b = a.saturating_add(near);
            let (one, other) = (a.to_string(), format!("{b}.{}", "0".repeat(zeros)));
            prop_assert_eq!(compare(&one, &other), a.cmp(&b));
            let scaled = format!("{b}00e-2");
            prop_assert_eq!(compare(&one, &scaled), a.cmp(&b));
        }

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
    fn numbers_that_are_written_differently_are_equal() {
        for (a, b) in
            [("1", "1.0"), ("0", "-0.00"), ("1e3", "1000"), ("0.10", "1E-1"), ("-5", "-50e-1")]
        {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(compare("-9007199254740993", "-9007199254740992"), Ordering::Less);
    }

    #[test]
    fn a_sum_keeps_small_parts_beside_large_ones() {
        let mut sum = Sum::default();
        [1e16, 1.0, -1e16, 1.0].into_iter().for_each(|v| sum.add(v));
        assert_eq!(sum.total(), 2.0);
    }

    #[test]
    fn a_sum_past_what_a_double_holds_is_infinite() {
        let of = |values: &[f64]| {
            let mut sum = Sum::default();
            values.iter().for_each(|&v| sum.add(v));
            sum
        };
        let large = of(&[1e308, 1e308, 1.0]);
        assert_eq!(large.total(), f64::INFINITY);
        let mut merged = of(&[1.0]);
        merged.merge(large);
        merged.merge(of(&[5.0]));
        assert_eq!(merged.total(), f64::INFINITY);
        assert_eq!(of(&[-1e308, -1e308]).total(), f64::NEG_INFINITY);
    }
}
