//! Dates in digits without marks between them.

use super::tail::{after_time, clock, ends, fits, zone};
use super::{Civil, Date, Reader, Stamp, short_year};

/// A stamp that begins with a run of 6 digits or more.
pub(super) fn parse(r: &mut Reader<'_>, run: usize) -> Option<Stamp> {
    match run {
        6 => short_date(r),
        8 => date(r),
        14 | 17 => whole(r, run),
        _ => None,
    }
}

/// `260102 03:04:05` and `260102 030405`; hours of one digit have two blanks before them.
fn short_date(r: &mut Reader<'_>) -> Option<Stamp> {
    let year = Some(short_year(r.number(2)? as i8));
    let date = Date { year, month: r.number(2)? as i8, day: r.number(2)? as i8 };
    r.blanks()?;
    let time = match r.digits_ahead() {
        6 => run_of_digits(r, true)?,
        _ => clock(r, false, false)?,
    };
    after_time(r, date, time)
}

/// `20260102T030405Z`, `20260102 03:04:05`, `20260102-03:04:05.123`, `20260102.030405`.
fn date(r: &mut Reader<'_>) -> Option<Stamp> {
    let date = Date { year: four(r), month: r.number(2)? as i8, day: r.number(2)? as i8 };
    date.year?;
    let gap = r.one_of(b"Tt_-. ")?;
    let _ = r.byte(b' ');
    match r.digits_ahead() {
        6 => {
            let time = run_of_digits(r, true)?;
            after_time(r, date, time)
        }
        4 if matches!(gap, b'T' | b't') => {
            let time = run_of_digits(r, false)?;
            after_time(r, date, time)
        }
        _ if gap == b'.' => None,
        _ => {
            let before = r.at;
            if let Some(time) = clock(r, false, false)
                && let Some(stamp) = after_time(r, date, time)
            {
                return Some(stamp);
            }
            r.at = before;
            if gap == b'-' { without_zeros(r, date) } else { None }
        }
    }
}

/// `20260102030405` and `20260102030405123`.
fn whole(r: &mut Reader<'_>, run: usize) -> Option<Stamp> {
    let date = Date { year: four(r), month: r.number(2)? as i8, day: r.number(2)? as i8 };
    date.year?;
    let time = run_of_digits(r, true)?;
    if run == 14 {
        return after_time(r, date, time);
    }
    let nanos = r.number(3)? as u32 * 1_000_000;
    let zone = zone(r, true);
    stamp(r, date, time, nanos, zone.offset_s)
}

/// `I0102 03:04:05.123456` without the letter; newer ones write the year, too.
pub(super) fn glog(r: &mut Reader<'_>) -> Option<Stamp> {
    let year = match r.digits_ahead() {
        4 => None,
        8 => Some(four(r)?),
        _ => return None,
    };
    let date = Date { year, month: r.number(2)? as i8, day: r.number(2)? as i8 };
    r.byte(b' ')?;
    let time = clock(r, false, false)?;
    if r.peek() != Some(b'.') {
        return None;
    }
    let nanos = r.fraction();
    stamp(r, date, time, nanos, None)
}

/// `0:7:20:44`: hours, minutes, seconds and milliseconds, all without zeros in front, as Huawei's
/// health application writes them.
fn without_zeros(r: &mut Reader<'_>, date: Date) -> Option<Stamp> {
    let hour = r.short_number()?;
    r.byte(b':')?;
    let minute = r.short_number()?;
    r.byte(b':')?;
    let second = r.short_number()?;
    r.byte(b':')?;
    let millis = match r.digits_ahead() {
        digits @ 1..=3 => r.number(digits)? as u32,
        _ => return None,
    };
    stamp(r, date, fits((hour, minute, second))?, millis * 1_000_000, None)
}

fn stamp(
    r: &Reader<'_>,
    Date { year, month, day }: Date,
    (hour, minute, second): (i8, i8, i8),
    nanos: u32,
    offset_s: Option<i32>,
) -> Option<Stamp> {
    ends(r)?;
    let civil = Civil { year, month, day, hour, minute, second };
    Some(Stamp { civil, offset_s, nanos, length: r.at, name: None })
}

/// A year of four digits that more digits follow, from 1970 to 2099: other runs of digits are
/// numbers.
fn four(r: &mut Reader<'_>) -> Option<i16> {
    r.number(4).map(|year| year as i16).filter(|year| (1970..2100).contains(year))
}

/// `030405`, or `0304` without seconds.
fn run_of_digits(r: &mut Reader<'_>, seconds: bool) -> Option<(i8, i8, i8)> {
    let (hour, minute) = (r.number(2)? as i8, r.number(2)? as i8);
    fits((hour, minute, if seconds { r.number(2)? as i8 } else { 0 }))
}
