//! Numbers: the grammar of RFC 8259, and the range of a double.

use super::Fault;
use crate::bad::Reason;
use crate::record::SpanKind;

/// More digits than this are parsed to see whether a double can hold the number.
const DIGITS_SAFE: usize = 300;

/// How many of the bytes at `at` are digits.
#[inline]
pub(super) fn digits(block: &[u8], at: usize) -> usize {
    let mut n = 0;
    while let Some(eight) = block.get(at + n..at + n + 8) {
        let found = leading_digits(u64::from_le_bytes(eight.try_into().unwrap_or_default()));
        n += found;
        if found < 8 {
            return n;
        }
    }
    n + block[at + n..].iter().take_while(|b| b.is_ascii_digit()).count()
}

/// How many bytes from the lowest on are digits.
#[inline]
fn leading_digits(eight: u64) -> usize {
    (others(eight).trailing_zeros() / 8) as usize
}

/// Bits in the bytes that are not digits, up to the first that is above 0xF9: a digit has 3 as its
/// high half, and still has when 6 is added.
#[inline(always)]
fn others(eight: u64) -> u64 {
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    let high = (eight & HIGH) ^ THREES;
    let low = (eight.wrapping_add(0x0606_0606_0606_0606) & HIGH) ^ THREES;
    // A carry of the addition can only come out of a byte that is not a digit itself, and
    // only spoils the bytes after it.
    high | low
}

/// The kind of number that `block[at..end]` is, if it has at most 8 digits and a point. `None` may
/// still be another number.
#[inline(always)]
pub(super) fn short(block: &[u8], at: usize, end: usize) -> Option<SpanKind> {
    let length = end.wrapping_sub(at);
    let eight = u64::from_le_bytes(*block.get(at..)?.first_chunk()?);
    if length.wrapping_sub(1) >= 8 {
        return None;
    }
    let no_digits = others(eight) & (u64::MAX >> (64 - 8 * length));
    let leading = (no_digits.trailing_zeros() / 8) as usize;
    if eight as u8 == b'0' && leading.min(length) > 1 {
        return None;
    }
    if no_digits == 0 {
        return Some(SpanKind::Int);
    }
    let point = 0xFF << (8 * leading);
    let is_point = eight & point == u64::from(b'.') << (8 * leading);
    let inside = leading > 0 && leading + 1 < length;
    (is_point && inside && no_digits & !point == 0).then_some(SpanKind::Float)
}

/// The number that begins at `at` (a digit or a minus): where it ends and what it is.
#[inline(always)]
pub(super) fn number(block: &[u8], at: usize) -> Result<(usize, SpanKind), Fault> {
    let fault = |p| Err(Fault::new(Reason::Number, p));
    let byte = |p: usize| block.get(p).copied().unwrap_or(b'\n');
    let first = at + usize::from(byte(at) == b'-');
    let whole = digits(block, first);
    if whole == 0 || (whole > 1 && byte(first) == b'0') {
        return fault(first);
    }
    let mut p = first + whole;
    let mut kind = SpanKind::Int;
    if byte(p) == b'.' {
        let fraction = digits(block, p + 1);
        if fraction == 0 {
            return fault(p);
        }
        p += 1 + fraction;
        kind = SpanKind::Float;
    }
    if byte(p) | 0x20 == b'e' {
        let sign = p + 1;
        let exponent = sign + usize::from(matches!(byte(sign), b'+' | b'-'));
        let length = digits(block, exponent);
        if length == 0 {
            return fault(p);
        }
        p = exponent + length;
        return finite(block, at, p).map(|()| (p, SpanKind::Float));
    }
    if whole > DIGITS_SAFE {
        finite(block, at, p)?;
    }
    Ok((p, kind))
}

#[cold]
fn finite(block: &[u8], at: usize, end: usize) -> Result<(), Fault> {
    let value = std::str::from_utf8(&block[at..end]).ok().and_then(|s| s.parse::<f64>().ok());
    if value.is_some_and(f64::is_finite) { Ok(()) } else { Err(Fault::new(Reason::Number, at)) }
}
