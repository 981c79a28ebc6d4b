//! What comes after a date: the time of day, its fraction, and its zone.

use super::{Civil, Date, Reader, Stamp, ZoneName};

/// A time of day.
type Time = (i8, i8, i8);

/// The offset and the name of a zone, where they are written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Zone {
    pub(super) offset_s: Option<i32>,
    pub(super) name: Option<ZoneName>,
}

/// The stamp whose date was read: what separates date and time, the time, and a zone.
#[inline]
pub(super) fn after_date(r: &mut Reader<'_>, date: Date) -> Option<Stamp> {
    let stops = r.peek() == Some(b'-');
    gap(r)?;
    let time = clock(r, date.year.is_some(), stops)?;
    let has_stops = stops && r.text[r.at - 3] == b'.';
    let mut stamp = after_time(r, date, time)?;
    if has_stops {
        with_minutes(r, &mut stamp);
    }
    Some(stamp)
}

/// `2026-01-02-03.04.05.123456-300`: the minutes from UTC, as DB2 writes them.
fn with_minutes(r: &mut Reader<'_>, stamp: &mut Stamp) {
    let before = r.at;
    let sign = r.one_of(b"+-");
    let minutes = if r.digits_ahead() == 3 { r.number(3) } else { None };
    let ends = r.peek().is_none_or(|b| b" \t\r".contains(&b));
    match (sign, minutes) {
        (Some(sign), Some(minutes @ 0..=900)) if ends => {
            stamp.offset_s = Some(minutes * if sign == b'-' { -60 } else { 60 });
            stamp.length = r.at;
        }
        _ => r.at = before,
    }
}

/// The stamp whose date and time were read.
#[inline]
pub(super) fn after_time(
    r: &mut Reader<'_>,
    date: Date,
    (h, minute, second): Time,
) -> Option<Stamp> {
    let nanos = r.fraction();
    let hour = with_meridiem(r, h)?;
    let zone = zone(r, date.year.is_some());
    // After letters, what follows is no more digits of the time: `UTC:192.0.2.1`.
    if !r.text[r.at - 1].is_ascii_alphabetic() {
        ends(r)?;
    }
    let civil = Civil { year: date.year, month: date.month, day: date.day, hour, minute, second };
    Some(Stamp { civil, offset_s: zone.offset_s, nanos, length: r.at, name: zone.name })
}

/// A stamp may not end in the middle of a number.
#[inline]
pub(super) fn ends(r: &Reader<'_>) -> Option<()> {
    let number_follows = |by| r.ahead(by).is_some_and(|b| b.is_ascii_digit());
    let cut = number_follows(0) || (r.peek() == Some(b':') && number_follows(1));
    (!cut).then_some(())
}

/// What separates a date from a time: `T`, `_`, blanks, a comma, ` - `, two colons, a colon or a hyphen that a digit
/// follows, or a blank between two values in quotation marks.
#[inline]
fn gap(r: &mut Reader<'_>) -> Option<()> {
    match r.peek()? {
        b'T' | b't' | b'_' => r.at += 1,
        b':' if r.text[r.at..].starts_with(b"::") => r.at += 2,
        b':' | b'-' if r.ahead(1)?.is_ascii_digit() => r.at += 1,
        b',' => {
            r.at += 1;
            let _ = r.blanks();
        }
        b'"' if r.text[r.at..].starts_with(b"\" \"") => r.at += 3,
        b' ' | b'\t' => {
            r.blanks()?;
            if r.text[r.at..].starts_with(b"- ") {
                r.at += 2;
            }
        }
        _ => return None,
    }
    Some(())
}

/// `HH:MM:SS`, also with one digit for the hour, and `HH:MM` where there is a year; `HH.MM.SS` where
/// `stops` allows it. A leap second is the first of the next minute.
#[inline]
pub(super) fn clock(r: &mut Reader<'_>, may_be_short: bool, stops: bool) -> Option<Time> {
    let hour = r.short_number()?;
    let mark = r.one_of(if stops { b":." } else { b":" })?;
    let minute = two_digits(r)?;
    let more = r.peek() == Some(mark) && r.ahead(1).is_some_and(|b| b.is_ascii_digit());
    let second = match more {
        true => {
            r.at += 1;
            two_digits(r)?
        }
        false if may_be_short && mark == b':' => 0,
        false => return None,
    };
    fits((hour, minute, second))
}

/// The time, if there is such a time of day.
#[inline]
pub(super) fn fits(time: Time) -> Option<Time> {
    (time.0 < 24 && time.1 < 60 && time.2 <= 60).then_some(time)
}

#[inline]
pub(super) fn two_digits(r: &mut Reader<'_>) -> Option<i8> {
    let number = r.number(2)?;
    r.peek().is_none_or(|b| !b.is_ascii_digit()).then_some(number as i8)
}

/// The hour by AM and PM. Some write them after an hour of 24; then they must agree.
#[inline]
fn with_meridiem(r: &mut Reader<'_>, hour: i8) -> Option<i8> {
    match (r.meridiem(), hour) {
        (None, _) => Some(hour),
        (Some(false), 12) => Some(0),
        (Some(false), 0..=11) | (Some(true), 12..) => Some(hour),
        (Some(true), 1..=11) => Some(hour + 12),
        _ => None,
    }
}

/// The zone after a time, with a blank before or not: `Z`, `+0100`, `+01:00`, `+01`, `UTC`,
/// `GMT+2`, or what may be a name. `may_be_unknown` says whether a word there must be reported.
#[inline]
pub(super) fn zone(r: &mut Reader<'_>, may_be_unknown: bool) -> Zone {
    let before = r.at;
    let spaced = r.byte(b' ').is_some();
    let zone = match r.peek() {
        Some(b'+' | b'-') => Zone { offset_s: offset(r, 2), name: None },
        Some(b'A'..=b'Z' | b'z') => named(r, spaced, may_be_unknown),
        Some(b'[') if !spaced => bracketed(r),
        Some(b'[' | b'(') => in_brackets(r),
        _ => Zone::default(),
    };
    if zone.offset_s.is_none() {
        r.at = before;
    } else if r.peek() == Some(b'[') {
        // RFC 9557 adds the zone's name to the offset, which says enough.
        let name = bracketed(r);
        r.at = name.name.map_or(r.at, |name| name.length);
    }
    zone
}

/// `+01`, `+0100`, `+01:00`, up to 15 hours, after which no number or hyphen goes on. The hour has
/// `digits_least` digits at least.
fn offset(r: &mut Reader<'_>, digits_least: usize) -> Option<i32> {
    let sign = if r.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let (hours, minutes) = match r.digits_ahead() {
        4 => (r.number(2)?, r.number(2)?),
        digits @ 1..=2 if digits >= digits_least => {
            let hours = r.number(digits)?;
            let has_minutes =
                r.peek() == Some(b':') && r.ahead(1).is_some_and(|b| b.is_ascii_digit());
            r.at += usize::from(has_minutes);
            (hours, if has_minutes { r.number(2)? } else { 0 })
        }
        _ => return None,
    };
    let goes_on = match r.peek() {
        Some(b'-' | b'_' | b'/') => true,
        Some(b':' | b'.' | b',') => r.ahead(1).is_some_and(|b| b.is_ascii_digit()),
        Some(byte) => byte.is_ascii_alphanumeric(),
        None => false,
    };
    (hours <= 15 && minutes < 60 && !goes_on).then_some(sign * (hours * 3600 + minutes * 60))
}

/// `Z`, `UTC`, `GMT`, `UT`, the last three with an offset, `GMT +1`, or what may be a name.
fn named(r: &mut Reader<'_>, spaced: bool, may_be_unknown: bool) -> Zone {
    let rest = &r.text[r.at..];
    let letters = rest.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &rest[..letters];
    let next = rest.get(letters);
    let is_utc = matches!(word, b"Z" | b"z" | b"UTC" | b"GMT" | b"UT");
    if is_utc && matches!(next, Some(b'+' | b'-')) && word.len() > 1 {
        r.at += letters;
        return Zone { offset_s: offset(r, 1), name: None };
    }
    if word == b"GMT" && matches!(rest.get(letters..letters + 2), Some(b" +" | b" -")) {
        let mut after = Reader { text: r.text, at: r.at + letters + 1 };
        if let Some(offset_s) = offset(&mut after, 1) {
            r.at = after.at;
            return Zone { offset_s: Some(offset_s), name: None };
        }
    }
    if is_utc {
        let ends = next.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
        r.at += if ends { letters } else { 0 };
        return Zone { offset_s: ends.then_some(0), name: None };
    }
    let start = r.at;
    if next == Some(&b'/') && spaced {
        let length = rest.iter().take(64).take_while(|b| is_of_place(**b)).count();
        let end = start + length;
        return Zone {
            name: Some(ZoneName { start, end, length: end, known_only: false }),
            ..Zone::default()
        };
    }
    let known_only = !may_be_unknown || next == Some(&b':');
    let ends = next.is_none_or(|b| b" \t\r:])>,;|\"'}".contains(b));
    let capitals = matches!(letters, 3..=5) && word.iter().all(u8::is_ascii_uppercase);
    let end = start + letters;
    let name = (ends && capitals).then_some(ZoneName { start, end, length: end, known_only });
    Zone { name, ..Zone::default() }
}

/// `[Europe/Berlin]`, as Java and RFC 9557 write a zone after a time.
fn bracketed(r: &Reader<'_>) -> Zone {
    let start = r.at + 1;
    let rest = r.text.get(start..).unwrap_or_default();
    let length = rest.iter().take(64).take_while(|b| is_of_place(**b)).count();
    let end = start + length;
    let is_name = rest[..length].contains(&b'/') && rest.get(length) == Some(&b']');
    let name = is_name.then_some(ZoneName { start, end, length: end + 1, known_only: false });
    Zone { name, ..Zone::default() }
}

/// ` (EST)`, ` [UTC]`, ` [Europe/Berlin]`: a zone in brackets after a blank, where other words are
/// frequent.
fn in_brackets(r: &mut Reader<'_>) -> Zone {
    let (open, start) = (r.peek(), r.at + 1);
    let rest = r.text.get(start..).unwrap_or_default();
    let length = rest.iter().take(64).take_while(|b| is_of_place(**b)).count();
    let (word, end) = (&rest[..length], start + length);
    let closes = rest.get(length) == Some(if open == Some(b'(') { &b')' } else { &b']' });
    let is_utc = matches!(word, b"UTC" | b"GMT");
    if is_utc && closes {
        r.at = end + 1;
        return Zone { offset_s: Some(0), name: None };
    }
    let abbreviation = matches!(length, 3..=5) && word.iter().all(u8::is_ascii_uppercase);
    let place = || {
        let slash = word.iter().position(|b| *b == b'/');
        slash.is_some_and(|at| {
            word[0].is_ascii_uppercase()
                && word[..at].iter().all(u8::is_ascii_alphabetic)
                && word.get(at + 1).is_some_and(u8::is_ascii_uppercase)
        })
    };
    let is_name = closes && (abbreviation || place());
    let name = is_name.then_some(ZoneName { start, end, length: end + 1, known_only: true });
    Zone { name, ..Zone::default() }
}

/// Whether the name of a zone of the tz database may have this byte.
fn is_of_place(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte)
}
