//! The time in front of a line of syslog, by its shape: the names and numbers are the clock's to judge.

use super::cursor::{Cursor, Step};
use crate::bad::Reason;
use crate::record::{Span, SpanKind};
use crate::time::is_zone_name;

/// A time, and whether a colon ends it in place of a host, as routers write it.
pub(super) struct Stamp {
    pub(super) time: Span,
    pub(super) ends_with_colon: bool,
}

impl From<Span> for Stamp {
    fn from(time: Span) -> Self {
        Self { time, ends_with_colon: false }
    }
}

/// The time that `c` is at, which is passed over with the space after it.
#[inline]
pub(super) fn stamp(c: &mut Cursor<'_>) -> Step<Stamp> {
    if c.peek().is_some_and(|b| b.is_ascii_digit()) {
        return by_number(c);
    }
    let Some(text) = c.rest().get(..16) else { return by_name(c) };
    let usual = text[0].is_ascii_uppercase()
        && [text[3], text[6], text[15]] == [b' '; 3]
        && [text[9], text[12]] == [b':'; 2];
    if !usual {
        return by_name(c);
    }
    let start = c.at;
    c.at += 16;
    if c.peek().is_some_and(|b| b.is_ascii_digit()) && year(c.rest()) {
        c.at += 5;
    }
    let end = c.at - 1;
    Ok(Span::new(SpanKind::Str, start, zone(c).unwrap_or(end)).into())
}

/// Where the zone ends that `c` is at, which is passed over with the spaces after it. A host may be called
/// like a zone: then the program follows, and not another host.
#[inline]
fn zone(c: &mut Cursor<'_>) -> Option<usize> {
    if c.peek().is_some_and(|b| b.is_ascii_uppercase()) { zone_by_name(c) } else { None }
}

#[cold]
fn zone_by_name(c: &mut Cursor<'_>) -> Option<usize> {
    let (before, rest) = (c.at, c.rest());
    let letters = rest.iter().take_while(|b| b.is_ascii_uppercase()).count();
    if rest.get(letters) != Some(&b' ') || !is_zone_name(&rest[..letters]) {
        return None;
    }
    c.at += letters;
    c.skip_spaces();
    let host = c.rest().split(|&b| b == b' ').next().unwrap_or_default();
    if host.is_empty() || host.ends_with(b":") {
        c.at = before;
        return None;
    }
    Some(before + letters)
}

/// Whether `text` begins with a year and a space.
fn year(text: &[u8]) -> bool {
    let digits = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let century = text.starts_with(b"19") || text.starts_with(b"20");
    century && digits(2) && digits(3) && matches!(text.get(4), Some(b' '))
}

/// RFC 3339 and its relatives, and seconds since 1970 with a fraction.
fn by_number(c: &mut Cursor<'_>) -> Step<Stamp> {
    let time = c.token()?;
    let text = time.bytes(c.block);
    let point = text.iter().position(|&b| b == b'.');
    let is_epoch = point.is_some_and(|at| {
        at >= 9 && text[..at].iter().chain(&text[at + 1..]).all(u8::is_ascii_digit)
    });
    if text.contains(&b'T') {
        return Ok(time.into());
    }
    let kind = SpanKind::Float;
    if is_epoch { Ok(Span { kind, ..time }.into()) } else { Err(Reason::NoMatch) }
}

/// A time that begins with the name of a month or a day, in all but the usual layout.
#[cold]
fn by_name(c: &mut Cursor<'_>) -> Step<Stamp> {
    // A router's clock that is not set, or lost its source.
    if let Some(b'*' | b'.') = c.peek() {
        c.at += 1;
    }
    let start = c.at;
    let name = c.token()?.bytes(c.block);
    let [first, second, third] = *name else { return Err(Reason::NoMatch) };
    if !first.is_ascii_uppercase() || ![second, third].iter().all(u8::is_ascii_lowercase) {
        return Err(Reason::NoMatch);
    }
    c.skip_spaces();
    let day = c.token()?;
    match day.bytes(c.block).len() {
        1 | 2 => {
            digits(day.bytes(c.block))?;
            month(c, start)
        }
        10 => weekday(c, day),
        _ => Err(Reason::NoMatch),
    }
}

/// `[year] hh:mm:ss[.fraction] [year]`, after a month and a day.
fn month(c: &mut Cursor<'_>, start: usize) -> Step<Stamp> {
    c.skip_spaces();
    if year(c.rest()) {
        c.at += 5;
    }
    let mut clock = c.token()?;
    let ends_with_colon = clock.bytes(c.block).ends_with(b":");
    clock.end -= u32::from(ends_with_colon);
    is_clock(clock.bytes(c.block))?;
    let mut end = clock.end as usize;
    if !ends_with_colon && year(c.rest()) {
        end = c.at + 4;
        c.at += 5;
    }
    if !ends_with_colon {
        end = zone(c).unwrap_or(end);
    }
    Ok(Stamp { time: Span::new(SpanKind::Str, start, end), ends_with_colon })
}

/// `2026-01-02 03:04:05[.fraction] ZONE`, after a day of the week.
fn weekday(c: &mut Cursor<'_>, date: Span) -> Step<Stamp> {
    let shape = date.bytes(c.block);
    if shape[4] != b'-' || shape[7] != b'-' {
        return Err(Reason::NoMatch);
    }
    let clock = c.token()?;
    is_clock(clock.bytes(c.block))?;
    let zone = c.token()?;
    let text = zone.bytes(c.block);
    let is_zone =
        text.iter().all(|b| b.is_ascii_uppercase() || b"+-:".contains(b) || b.is_ascii_digit());
    if !is_zone || text.len() > 6 {
        return Err(Reason::NoMatch);
    }
    Ok(Span { start: date.start, ..zone }.into())
}

/// `hh:mm:ss`, with a fraction or not.
fn is_clock(text: &[u8]) -> Step<()> {
    let fits = text.len() >= 8
        && text[2] == b':'
        && text[5] == b':'
        && text.iter().all(|b| b.is_ascii_digit() || b":.,".contains(b));
    if fits { Ok(()) } else { Err(Reason::NoMatch) }
}

fn digits(text: &[u8]) -> Step<()> {
    if text.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err(Reason::NoMatch) }
}
