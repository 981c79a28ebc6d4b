//! Times whose parts do not stand side by side.

use super::{Clock, Nanos, SECOND, layout};

/// The longest date or time of day.
const PART_BYTES_MAX: usize = 40;

/// Longer texts are no times.
const TEXT_BYTES_MAX: usize = 4096;

/// Marks between values and their names.
const MARKS: &[u8] = b",;|=\t";

impl Clock {
    /// The time of a text that is none as a whole: a date and a time of day with other values between
    /// them, in either order, or a zone before a date.
    #[cold]
    pub(super) fn parse_parts(&mut self, text: &[u8]) -> Option<Nanos> {
        if text.len() > TEXT_BYTES_MAX || !text.first()?.is_ascii_alphanumeric() {
            return None;
        }
        if let Some(nanos) = self.before_unknown_zone(text) {
            return Some(nanos);
        }
        if let Some((nanos, length)) = self.after_zone(text) {
            return (length == text.len()).then_some(nanos);
        }
        if let Some(nanos) = self.with_offset_behind(text) {
            return Some(nanos);
        }
        let (first, last) = ends(text)?;
        let in_order = |clock: &mut Self, date: &[u8], time: &[u8]| {
            if !date.contains(&b':') { clock.parse_two(date, time) } else { None }
        };
        in_order(self, first, last)
            .or_else(|| in_order(self, last, first))
            .or_else(|| self.behind_utc(last, first))
    }

    /// `Jan  2 03:04:05 LOCAL`: what ends a text that is a time is a zone, even one that is not known.
    fn before_unknown_zone(&mut self, text: &[u8]) -> Option<Nanos> {
        let mut stamp = layout::parse(text, self.rules.day_first)?;
        let name = stamp.name.as_mut().filter(|name| name.length == text.len())?;
        name.known_only = false;
        self.moment(text, &stamp).filter(|(_, length)| *length == text.len()).map(|found| found.0)
    }

    /// `2026-01-02 time=03:04:05 devname="a" tz="-0800`, from the values of a line of FortiGate. What is
    /// no offset is left out.
    fn with_offset_behind(&mut self, text: &[u8]) -> Option<Nanos> {
        let at = memchr::memmem::rfind(text, b" tz=")?;
        let offset = text[at + 4..].strip_prefix(b"\"").unwrap_or(&text[at + 4..]);
        let value = |text: &'_ [u8]| text.iter().take_while(|b| !b" \"".contains(b)).count();
        let date = &text[..value(text)];
        let time = &text[memchr::memmem::find(&text[..at], b" time=")? + 6..at];
        let time = time.strip_prefix(b"\"").unwrap_or(time);
        let time = &time[..value(time)];
        let is_offset = matches!(offset.first(), Some(b'+' | b'-'));
        let local = is_offset.then(|| self.parse_two(date, &[time, offset].concat())).flatten();
        local.or_else(|| self.parse_two(date, time))
    }

    /// The time of a date and a time of day.
    fn parse_two(&mut self, date: &[u8], time: &[u8]) -> Option<Nanos> {
        let whole = [date, b" ", time].concat();
        match self.parse_prefix(&whole) {
            Some((nanos, length)) if length == whole.len() => Some(nanos),
            _ => None,
        }
    }

    /// `03:04:05.135+480` and `01-02-2026`, month first: the minutes that the local time is behind UTC,
    /// as Microsoft's Configuration Manager writes them.
    fn behind_utc(&mut self, date: &[u8], time: &[u8]) -> Option<Nanos> {
        let sign = time.iter().rposition(|b| matches!(b, b'+' | b'-'))?;
        let (clock, minutes) = time.split_at(sign);
        let minutes: i64 = std::str::from_utf8(minutes).ok()?.parse().ok()?;
        let mut parts = date.split(|&b| b == b'-');
        let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
        let fits = parts.next().is_none() && year.len() == 4 && minutes.abs() <= 15 * 60;
        let civil = [year, b"-", month, b"-", day, b" ", clock, b"Z"].concat();
        let (nanos, length) = self.parse_prefix(&civil)?;
        (fits && length == civil.len()).then(|| nanos + minutes * 60 * SECOND)
    }

    /// `PDT Apr 16 21:05:29`: a zone before a date that begins with a month. Also how long it is.
    pub(super) fn after_zone(&mut self, text: &[u8]) -> Option<(Nanos, usize)> {
        let letters = text.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
        let is_before_month = (3..=5).contains(&letters)
            && text.get(letters) == Some(&b' ')
            && text.get(letters + 1)?.is_ascii_uppercase();
        if !is_before_month {
            return None;
        }
        let (zone, rest) = (&text[..letters], &text[letters + 1..]);
        let stamp = layout::parse(rest, self.rules.day_first)?;
        if stamp.offset_s.is_some() || stamp.name.is_some() {
            return None;
        }
        let zone = self.zone_of_word(zone, true)?;
        let nanos = self.moment_in(&stamp, zone)?;
        Some((nanos, letters + 1 + stamp.length))
    }
}

/// The first and the last of the values in `text`, which begins and ends with one.
fn ends(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let quoted = text.contains(&b'"');
    let is_mark = |b: &u8| if quoted { *b == b'"' } else { MARKS.contains(b) };
    let last = &text[text.iter().rposition(is_mark)? + 1..];
    let at = text.iter().position(is_mark)?;
    let before = &text[..at];
    // A value without quotes, and the name of the next one.
    let named = text[at] == b'=' || before.last().is_some_and(|b| b"=:, ".contains(b));
    let cut = || before.iter().position(|b| b" ,;|\t".contains(b));
    let first = if named { &before[..cut().unwrap_or(at)] } else { before };
    let fits = |part: &[u8]| (1..=PART_BYTES_MAX).contains(&part.len());
    (fits(first) && fits(last)).then_some((first, last))
}
