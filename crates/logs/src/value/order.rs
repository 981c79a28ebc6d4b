//! How numbers compare.

use std::cmp::Ordering;

use super::parse_number;

/// How two numbers compare, each as the nearest double and as it stands. Doubles that differ
/// decide; equal ones may be of different integers past 2^53, so their digits do.
#[inline]
pub(crate) fn order(a: (f64, &[u8]), b: (f64, &[u8])) -> Ordering {
    match a.0.total_cmp(&b.0) {
        // -0.0 equals 0.0, which `total_cmp` would order.
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

/// How two texts compare as numbers, with all their digits; `None` where one is no number.
#[must_use]
pub fn compare_numbers(a: &[u8], b: &[u8]) -> Option<Ordering> {
    Some(order((parse_number(a)?, a), (parse_number(b)?, b)))
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

/// A decimal number as it is written: 0.DIGITS times ten to the power of `point`; neither end of the
/// digits is a zero.
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    /// The number that `text` is. The text must be one ([`super::parse_number`]).
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
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

    /// Digits before its point; none where it is less than 1.
    #[cfg(feature = "arrow")]
    pub(crate) fn whole_digits(&self) -> i64 {
        if self.digits.is_empty() { 0 } else { self.point.max(0) }
    }

    /// Digits behind its point, without zeros at the end.
    #[cfg(feature = "arrow")]
    pub(crate) fn fraction_digits(&self) -> i64 {
        (self.digits.len() as i64).saturating_sub(self.point).max(0)
    }

    /// The number times ten to the power of `scale`, as a whole number of at most `most` digits;
    /// `None` where it has more digits, or a fraction is left.
    #[cfg(feature = "arrow")]
    pub(crate) fn scaled(&self, scale: u8, most: u8) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        let length = usize::try_from(self.point.saturating_add(i64::from(scale))).ok()?;
        if length < self.digits.len() || length > usize::from(most) {
            return None;
        }
        let mut text = if self.negative { "-".to_owned() } else { String::new() };
        text.extend(self.digits.iter().map(|&digit| char::from(digit)));
        text.extend(std::iter::repeat_n('0', length - self.digits.len()));
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::order;
    use crate::value::parse_number;

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
    }

    #[test]
    fn a_number_is_scaled_without_a_rest_or_not_at_all() {
        let scaled =
            |text: &str, scale, most| super::Decimal::new(text.as_bytes())?.scaled(scale, most);
        for (text, scale, expected) in [
            ("0", 3, Some("0")),
            ("-0.0", 0, Some("0")),
            ("18446744073709551615", 0, Some("18446744073709551615")),
            ("-9007199254740993", 2, Some("-900719925474099300")),
            ("1.50", 1, Some("15")),
            ("12e3", 0, Some("12000")),
            ("0.001", 3, Some("1")),
            ("0.001", 2, None),
            ("1e30", 0, None),
            ("1e9999999999", 0, None),
        ] {
            assert_eq!(scaled(text, scale, 20).as_deref(), expected, "{text}");
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
}
