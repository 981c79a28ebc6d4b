//! Stamps that begin with the name of a month or of a day of the week, or with a letter for the
//! level.

use super::tail::{after_date, after_time, clock, zone};
use super::{Date, Reader, Stamp, compact, digits, short_year};

/// A stamp that begins with a letter.
pub(super) fn letters(r: &mut Reader<'_>, day_first: Option<bool>) -> Option<Stamp> {
    if r.ahead(1)?.is_ascii_digit() {
        // The level and the time are one word.
        return None;
    }
    if r.weekday().is_none() {
        return month_first(r);
    }
    r.blanks()?;
    if r.peek()?.is_ascii_digit() { digits(r, day_first) } else { month_first(r) }
}

/// The stamp after the letter that glog and klog write for the level.
pub(in crate::time) fn after_level(text: &[u8]) -> Option<Stamp> {
    compact::glog(&mut Reader { text, at: 0 })
}

/// `Jan  2 03:04:05`, `Jan 2 2026 03:04:05`, `Jan 2, 2026 3:04:05 PM`, `Jan  2 03:04:05 UTC 2026`.
fn month_first(r: &mut Reader<'_>) -> Option<Stamp> {
    let month = r.month()?;
    if let Some(mark) = r.one_of(b"-/") {
        return with_marks(r, month, mark);
    }
    r.blanks()?;
    let day = r.short_number()?;
    let comma = r.byte(b',').is_some();
    r.blanks()?;
    let year = r.year();
    if year.is_some() {
        let _ = r.byte(b',');
        if r.blanks().is_some() {
            let rest = &r.text[r.at..];
            r.at += [b"at " as &[u8], b"@ "]
                .iter()
                .find(|w| rest.starts_with(w))
                .map_or(0, |w| w.len());
        }
    } else if comma {
        return None;
    }
    let time = clock(r, year.is_some(), false)?;
    let mut stamp = after_time(r, Date { year, month, day }, time)?;
    if year.is_none() {
        with_last_year(r, &mut stamp);
        with_micros(r, &mut stamp);
    }
    Some(stamp)
}

/// `Jan-02-26 03:04:05`, `jan/02/2026 03:04:05`: the rest of a date with marks between its parts.
#[cold]
fn with_marks(r: &mut Reader<'_>, month: i8, mark: u8) -> Option<Stamp> {
    let day = r.short_number()?;
    r.byte(mark)?;
    let year = match r.digits_ahead() {
        2 => short_year(r.short_number()?),
        _ => r.year()?,
    };
    after_date(r, Date { year: Some(year), month, day })
}

/// Adds the year that is written after the time, with a zone before it, after it, or none.
fn with_last_year(r: &mut Reader<'_>, stamp: &mut Stamp) {
    r.at = stamp.name.map_or(stamp.length, |name| name.length);
    if let Some(year) = last_year(r) {
        stamp.civil.year = Some(year);
        stamp.length = r.at;
        if let Some(name) = &mut stamp.name {
            (name.length, name.known_only) = (r.at, false);
        } else if stamp.offset_s.is_none() {
            let after = zone(r, true);
            (stamp.offset_s, stamp.name, stamp.length) = (after.offset_s, after.name, r.at);
        }
    }
}

/// `Fri Jan  2 03:04:05 2026 us=123456`: the microseconds, as OpenVPN writes them.
fn with_micros(r: &mut Reader<'_>, stamp: &mut Stamp) {
    let rest = r.text.get(stamp.length..).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(b" us=").filter(|_| stamp.name.is_none()) else { return };
    let digits = rest.iter().take(7).take_while(|b| b.is_ascii_digit()).count();
    if !(1..=6).contains(&digits) || rest.get(digits).is_some_and(|b| *b != b' ') {
        return;
    }
    let micros = rest[..digits].iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
    stamp.nanos = micros * 1_000;
    stamp.length += 4 + digits;
    r.at = stamp.length;
}

/// A year after a blank, which ends there.
fn last_year(r: &mut Reader<'_>) -> Option<i16> {
    let before = r.at;
    let year = r.byte(b' ').and_then(|()| r.year());
    let ends = r.peek().is_none_or(|b| b" \t\r]),;:|\"'".contains(&b));
    if year.is_none() || !ends {
        r.at = before;
        return None;
    }
    year
}
