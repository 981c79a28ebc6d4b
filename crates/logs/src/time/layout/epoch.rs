//! Times that are numbers.

use super::super::{Nanos, SECOND};
use super::Reader;

/// A number in front of a line is a time if it is in these years: 2000 to 2099.
const FRONT: std::ops::Range<Nanos> = 946_684_800 * SECOND..4_102_444_800 * SECOND;

/// A number since 1970: seconds up to 11 digits (with a fraction, if any), then milli-,
/// micro- and nanoseconds for 12 to 14, 15 to 17, and 18 or 19 digits. Fewer than 9 digits
/// (before March 1973) are taken for another kind of number.
pub(in crate::time) fn epoch(text: &[u8]) -> Option<Nanos> {
    let (nanos, length) = number(text)?;
    (length == text.len()).then_some(nanos)
}

/// The number since 1970 that `text` begins with, from 2000 to 2099, and its length. It must end at
/// a mark or a blank.
pub(in crate::time) fn front_epoch(text: &[u8]) -> Option<(Nanos, usize)> {
    let (nanos, length) = number(text)?;
    let ends = text.get(length).is_none_or(|b| b" \t\r|,;:])>\"'".contains(b));
    (ends && FRONT.contains(&nanos)).then_some((nanos, length))
}

/// Whether a number stands for a time from 2000 to 2099.
pub(crate) fn is_sane(nanos: Nanos) -> bool {
    FRONT.contains(&nanos)
}

fn number(text: &[u8]) -> Option<(Nanos, usize)> {
    let whole = text.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    let scale = match whole {
        9..=11 => SECOND,
        12..=14 => SECOND / 1_000,
        15..=17 => SECOND / 1_000_000,
        18..=19 => 1,
        _ => return None,
    };
    let value: i64 = std::str::from_utf8(&text[..whole]).ok()?.parse().ok()?;
    let nanos = value.checked_mul(scale)?;
    let has_fraction =
        text.get(whole) == Some(&b'.') && text.get(whole + 1).is_some_and(u8::is_ascii_digit);
    if !has_fraction {
        return Some((nanos, whole));
    }
    let mut r = Reader { text, at: whole };
    let fraction = i64::from(r.fraction()) / (SECOND / scale);
    Some((nanos.checked_add(fraction)?, r.at))
}

/// `/Date(1767323045123)/`: milliseconds since 1970, as .NET writes them in JSON. An offset after them
/// says only where they were written.
pub(in crate::time) fn dot_net(text: &[u8]) -> Option<Nanos> {
    let bare = |text: &[u8], mark: &[u8]| -> Option<Nanos> {
        let inside = text.strip_prefix(mark)?.strip_prefix(b"Date(")?;
        let inside = inside.strip_suffix(mark)?.strip_suffix(b")")?;
        let end = inside.iter().skip(1).position(|b| matches!(b, b'+' | b'-'));
        let millis = std::str::from_utf8(&inside[..end.map_or(inside.len(), |at| at + 1)]).ok()?;
        millis.parse::<i64>().ok()?.checked_mul(SECOND / 1_000)
    };
    bare(text, b"/").or_else(|| bare(text, b"\\/"))
}

/// The label of TAI64 for 1970, as daemontools writes it: without leap seconds, ten seconds after
/// UTC.
const TAI64_OF_1970: i64 = (1 << 62) + 10;

/// `@4000000069573fb707590a80`: TAI64N, as `multilog` and `s6-log` write it, and its length.
pub(in crate::time) fn tai64n(text: &[u8]) -> Option<(Nanos, usize)> {
    const LENGTH: usize = 25;
    let digits = text.get(..LENGTH)?.strip_prefix(b"@")?;
    let ends = text.get(LENGTH).is_none_or(|b| !b.is_ascii_alphanumeric());
    let hex = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok().filter(|d| !d.starts_with('+'))?;
        i64::from_str_radix(digits, 16).ok()
    };
    let second = hex(&digits[..16])?.checked_sub(TAI64_OF_1970)?;
    let nanos = hex(&digits[16..])?;
    if !ends || nanos >= SECOND {
        return None;
    }
    Some((second.checked_mul(SECOND)?.checked_add(nanos)?, LENGTH))
}
