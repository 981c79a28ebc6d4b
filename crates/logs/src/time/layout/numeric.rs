//! Dates that begin with a number of one or two digits.

use super::tail::{after_date, after_time, clock};
use super::{Civil, Date, Reader, Stamp, short_year};

/// `02/Jan/2026`, `02-Jan-2026`, `02 Jan 2026`, `1/2/2026`, `02.01.2026`, `26/01/02`, `01-02`, and a
/// time.
pub(super) fn short_first(r: &mut Reader<'_>, day_first: Option<bool>) -> Option<Stamp> {
    let digits = r.digits_ahead();
    let first = r.short_number()?;
    if r.peek() == Some(b':') {
        r.at = 0;
        return time_first(r, day_first);
    }
    if digits == 2 && r.peek()?.is_ascii_uppercase() {
        // Forge writes no marks.
        let month = r.month()?;
        let date = Date { year: Some(r.year()?), month, day: first };
        return after_date(r, date);
    }
    let mark = r.one_of(b"/-. ")?;
    if r.peek()?.is_ascii_alphabetic() {
        return with_month_name(r, first, mark);
    }
    if mark == b' ' {
        return None;
    }
    let full = digits == 2 && r.digits_ahead() == 2;
    let second = r.short_number()?;
    let date = match r.byte(mark) {
        Some(()) => three_numbers(r, (first, second), mark, day_first)?,
        // With one digit, a version before a time would look like a date.
        None if full => without_year(first, second)?,
        None => return None,
    };
    after_date(r, date)
}

/// `03:04:05.123 02/01/2026`, without another time after it.
#[cold]
fn time_first(r: &mut Reader<'_>, day_first: Option<bool>) -> Option<Stamp> {
    let (h, minute, second) = clock(r, false, false)?;
    let nanos = r.fraction();
    r.byte(b' ')?;
    let date = if r.digits_ahead() == 4 {
        let year = r.year();
        let mark = r.one_of(b"-/")?;
        let month = r.short_number()?;
        r.byte(mark)?;
        Date { year, month, day: r.short_number()? }
    } else if r.digits_ahead() == 2 {
        let first = r.short_number()?;
        let mark = r.one_of(b"-/.")?;
        let second = r.short_number()?;
        r.byte(mark)?;
        let (month, day) = month_and_day(first, second, day_first.unwrap_or(mark != b'/'))?;
        Date { year: Some(r.year()?), month, day }
    } else {
        return None;
    };
    let rest = &r.text[r.at..];
    let ends = rest.first().is_none_or(|b| b" \t\r]),;|\"'".contains(b));
    let hour_follows = rest.get(1).is_some_and(u8::is_ascii_digit)
        && (rest.get(2) == Some(&b':') || rest.get(3) == Some(&b':'));
    if !ends || hour_follows {
        return None;
    }
    let civil =
        Civil { year: date.year, month: date.month, day: date.day, hour: h, minute, second };
    Some(Stamp { civil, offset_s: None, nanos, length: r.at, name: None })
}

/// `/Jan/2026`, `-Jan-2026`, `-Jan-26`, ` Jan 2026`, ` Jan`, after the day.
fn with_month_name(r: &mut Reader<'_>, day: i8, mark: u8) -> Option<Stamp> {
    if mark == b'.' {
        return None;
    }
    let month = r.month()?;
    let before = r.at;
    let year = match r.byte(mark).map(|()| r.digits_ahead()) {
        Some(4) => Some(r.year()?),
        Some(2) if r.ahead(2) != Some(b':') => Some(short_year(r.short_number()?)),
        _ => None,
    };
    if year.is_none() {
        // Redis wrote no year before version 3.
        r.at = before;
        if mark != b' ' {
            return None;
        }
    }
    let date = Date { year, month, day };
    if mark == b'-' && r.peek() == Some(b' ') {
        return with_stops(r, date).or_else(|| after_date(r, date));
    }
    after_date(r, date)
}

/// ` 10.00.02.123456 PM`, as Oracle writes a time of day. Without AM or PM, it may be an address.
fn with_stops(r: &mut Reader<'_>, date: Date) -> Option<Stamp> {
    let mut ahead = Reader { text: r.text, at: r.at + 1 };
    let time = clock(&mut ahead, true, true)?;
    let mut end = Reader { text: r.text, at: ahead.at };
    end.fraction();
    end.meridiem()?;
    after_time(&mut ahead, date, time)
}

/// The date of three numbers; the third one follows.
fn three_numbers(
    r: &mut Reader<'_>,
    (first, second): (i8, i8),
    mark: u8,
    day_first: Option<bool>,
) -> Option<Date> {
    if r.digits_ahead() == 4 {
        let year = Some(r.year()?);
        let (month, day) = month_and_day(first, second, day_first.unwrap_or(mark != b'/'))?;
        return Some(Date { year, month, day });
    }
    if r.digits_ahead() != 2 {
        return None;
    }
    let third = r.short_number()?;
    let year_first = || {
        let fits = (1..=12).contains(&second) && (1..=31).contains(&third);
        fits.then(|| Date { year: Some(short_year(first)), month: second, day: third })
    };
    let year_last = || {
        let (month, day) = month_and_day(first, second, day_first.unwrap_or(mark != b'/'))?;
        Some(Date { year: Some(short_year(third)), month, day })
    };
    if mark == b'.' || day_first.is_some() || milliseconds_follow(r) {
        year_last().or_else(year_first)
    } else {
        year_first().or_else(year_last)
    }
}

/// Whether a time of day with a colon before its milliseconds follows, as WebSphere writes it, whose dates
/// have the year last: `11/10/26 9:00:01:123 CET`.
fn milliseconds_follow(r: &Reader<'_>) -> bool {
    let rest = &r.text[r.at..];
    let hour = rest.iter().skip(1).take(2).take_while(|b| b.is_ascii_digit()).count();
    let Some(after) = rest.get(1 + hour..) else { return false };
    let shape = b":dd:dd:ddd ";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    };
    hour > 0 && after.len() >= shape.len() && after.iter().zip(shape).all(fits)
}

fn without_year(first: i8, second: i8) -> Option<Date> {
    let (month, day) = month_and_day(first, second, false)?;
    Some(Date { year: None, month, day })
}

/// The month and the day: a number over 12 is the day, and otherwise `day_first` says which is which.
fn month_and_day(first: i8, second: i8, day_first: bool) -> Option<(i8, i8)> {
    match (first > 12, second > 12) {
        (true, true) => None,
        (true, false) => Some((second, first)),
        (false, true) => Some((first, second)),
        (false, false) if day_first => Some((second, first)),
        (false, false) => Some((first, second)),
    }
}
