//! How numbers compare.

use std::cmp::Ordering;

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
    fn numbers_that_are_written_differently_are_equal() {
        for (a, b) in
            [("1", "1.0"), ("0", "-0.00"), ("1e3", "1000"), ("0.10", "1E-1"), ("-5", "-50e-1")]
        {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(compare("-9007199254740993", "-9007199254740992"), Ordering::Less);
    }
}
