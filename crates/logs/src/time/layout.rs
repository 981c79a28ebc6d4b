//! The layouts in which logs write a time.

use super::{Nanos, SECOND};

/// A time as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    pub(super) year: Option<i16>,
    pub(super) month: i8,
    pub(super) day: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
}

/// A time, its offset from UTC where it has one, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) civil: Civil,
    pub(super) offset_s: Option<i32>,
    pub(super) nanos: u32,
    pub(super) length: usize,
}

/// The stamp that `text` begins with, in any of the layouts:
/// `2026-03-01T10:00:00.123+01:00` (and with a space, a comma, slashes, no zone),
/// `17/May/2015:10:05:03 +0000`, `Sun Dec 04 04:47:44.123 2005`, `Jun 14 15:16:01`.
pub(super) fn parse(text: &[u8]) -> Option<Stamp> {
    let mut r = Reader { text, at: 0 };
    match text.first()? {
        b'0'..=b'9' if text.get(2) == Some(&b'/') => clf(&mut r),
        b'0'..=b'9' => iso(&mut r),
        b'A'..=b'Z' if month(text.get(..3)?).is_some() => syslog(&mut r),
        b'A'..=b'Z' => asctime(&mut r),
        _ => None,
    }
}

fn iso(r: &mut Reader<'_>) -> Option<Stamp> {
    let year = r.number(4)?;
    let mark = r.one_of(b"-/.")?;
    let month = r.number(2)? as i8;
    r.byte(mark)?;
    let day = r.number(2)? as i8;
    r.one_of(b"T t_")?;
    let (hour, minute, second) = r.clock()?;
    let nanos = r.fraction();
    let offset_s = r.zone();
    let civil = Civil { year: Some(year as i16), month, day, hour, minute, second };
    Some(Stamp { civil, offset_s, nanos, length: r.at })
}

fn clf(r: &mut Reader<'_>) -> Option<Stamp> {
    let day = r.number(2)? as i8;
    r.byte(b'/')?;
    let month = r.month()?;
    r.byte(b'/')?;
    let year = Some(r.number(4)? as i16);
    r.one_of(b": ")?;
    let (hour, minute, second) = r.clock()?;
    let nanos = r.fraction();
    let offset_s = r.zone();
    let civil = Civil { year, month, day, hour, minute, second };
    Some(Stamp { civil, offset_s, nanos, length: r.at })
}

fn syslog(r: &mut Reader<'_>) -> Option<Stamp> {
    let month = r.month()?;
    r.byte(b' ')?;
    let day = r.day()?;
    r.byte(b' ')?;
    // Some write the year before the time.
    let before = r.at;
    let year = r.number(4).and_then(|y| r.byte(b' ').map(|()| y as i16));
    if year.is_none() {
        r.at = before;
    }
    let (hour, minute, second) = r.clock()?;
    let nanos = r.fraction();
    let civil = Civil { year, month, day, hour, minute, second };
    Some(Stamp { civil, offset_s: None, nanos, length: r.at })
}

fn asctime(r: &mut Reader<'_>) -> Option<Stamp> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    if !DAYS.contains(&r.text.get(..3)?) {
        return None;
    }
    r.at = 3;
    r.byte(b' ')?;
    let month = r.month()?;
    r.byte(b' ')?;
    let day = r.day()?;
    r.byte(b' ')?;
    let (hour, minute, second) = r.clock()?;
    let nanos = r.fraction();
    r.byte(b' ')?;
    let year = Some(r.number(4)? as i16);
    let civil = Civil { year, month, day, hour, minute, second };
    Some(Stamp { civil, offset_s: None, nanos, length: r.at })
}

/// A number since 1970: seconds up to 11 digits (with a fraction, if any), then milli-,
/// micro- and nanoseconds for 12 to 14, 15 to 17, and 18 or 19 digits. Fewer than 9 digits
/// (before March 1973) are taken for another kind of number.
pub(super) fn epoch(text: &[u8]) -> Option<Nanos> {
    let whole = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let scale = match whole {
        9..=11 => SECOND,
        12..=14 => SECOND / 1_000,
        15..=17 => SECOND / 1_000_000,
        18..=19 => 1,
        _ => return None,
    };
    let value: i64 = std::str::from_utf8(&text[..whole]).ok()?.parse().ok()?;
    let nanos = value.checked_mul(scale)?;
    match text[whole..].split_first() {
        None => Some(nanos),
        Some((b'.', digits)) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let mut r = Reader { text, at: whole };
            Some(nanos + i64::from(r.fraction()) / (SECOND / scale))
        }
        _ => None,
    }
}

fn month(name: &[u8]) -> Option<i8> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    MONTHS.iter().position(|m| m.as_slice() == name).map(|at| at as i8 + 1)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    #[inline]
    fn number(&mut self, digits: usize) -> Option<i32> {
        let mut n = 0;
        for &d in self.text.get(self.at..self.at + digits)? {
            if !d.is_ascii_digit() {
                return None;
            }
            n = n * 10 + i32::from(d - b'0');
        }
        self.at += digits;
        Some(n)
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    #[inline]
    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        bytes.contains(&byte).then(|| {
            self.at += 1;
            byte
        })
    }

    fn month(&mut self) -> Option<i8> {
        let month = month(self.text.get(self.at..self.at + 3)?)?;
        self.at += 3;
        Some(month)
    }

    /// A day of one or two digits, filled with a space or not.
    fn day(&mut self) -> Option<i8> {
        let filled = self.byte(b' ').is_some();
        if !filled && let Some(day) = self.number(2) {
            return Some(day as i8);
        }
        self.number(1).map(|d| d as i8)
    }

    /// `HH:MM:SS`; a leap second is the first of the next minute.
    #[inline]
    fn clock(&mut self) -> Option<(i8, i8, i8)> {
        let hour = self.number(2)?;
        self.byte(b':')?;
        let minute = self.number(2)?;
        self.byte(b':')?;
        let second = self.number(2)?;
        let fits = hour < 24 && minute < 60 && second <= 60;
        fits.then_some((hour as i8, minute as i8, second as i8))
    }

    /// Digits after a full stop or a comma, as nanoseconds; further digits are dropped.
    fn fraction(&mut self) -> u32 {
        let rest = &self.text[self.at..];
        let mark = matches!(rest.first(), Some(b'.' | b','));
        let digits = rest.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
        if !mark || digits == 0 {
            return 0;
        }
        let nanos = (0..9).fold(0, |n, at| {
            let digit = if at < digits { rest[1 + at] - b'0' } else { 0 };
            n * 10 + u32::from(digit)
        });
        self.at += 1 + digits;
        nanos
    }

    /// `Z`, `UTC`, `GMT`, `+0100`, `+01:00`, `+01`, all with or without a space before.
    fn zone(&mut self) -> Option<i32> {
        let before = self.at;
        let spaced = self.byte(b' ').is_some();
        let found = self.zone_name(spaced).or_else(|| self.zone_offset());
        if found.is_none() {
            self.at = before;
        }
        found
    }

    fn zone_name(&mut self, spaced: bool) -> Option<i32> {
        let rest = &self.text[self.at..];
        let length = match rest {
            [b'Z' | b'z', ..] if !spaced => 1,
            [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => 3,
            _ => return None,
        };
        self.at += length;
        Some(0)
    }

    fn zone_offset(&mut self) -> Option<i32> {
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.number(2)?;
        let before = self.at;
        let _ = self.byte(b':');
        let minutes = self.number(2).unwrap_or_else(|| {
            self.at = before;
            0
        });
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}
