//! Times as people give them: `--since yesterday`, `--until 2026-03-01T10:00`, `--last 15m`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::{Clock, Nanos, Rules, SECOND};
use crate::{Error, Result};

/// A moment asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This one.
    At(Nanos),
    /// This long before the end of the log.
    BeforeEnd(Nanos),
}

/// Understands `text` in `zone` at the time `now`: an absolute time in any layout of logs, a
/// date, `HH:MM[:SS]` today, `now`, `today`, `yesterday`, or how long ago, like `15m`, `2h30m`,
/// `3d ago`.
///
/// # Errors
/// When it is none of these; the message lists them.
pub fn parse_when(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Nanos> {
    let text = text.trim();
    let here = now.to_zoned(zone.clone());
    let found = word(text, &here)
        .or_else(|| stamp(text, zone, now))
        .or_else(|| date(text, zone))
        .or_else(|| clock(text, &here))
        .or_else(|| duration(text).map(|ago| nanos(now).saturating_sub(ago)));
    found.ok_or_else(|| {
        Error::request(format!(
            "{text:?} is not a time; try 2026-03-01T10:00:00Z, 2026-03-01, 10:30, yesterday or 15m"
        ))
    })
}

/// How long `text` is, like `90s`, `15m`, `2h30m`, `3d`, `1w`, with or without `ago`.
pub(crate) fn duration(text: &str) -> Option<Nanos> {
    let text = text.trim().trim_start_matches('-').trim_end_matches("ago").trim();
    let (mut total, mut number) = (0i64, String::new());
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        number.clear();
        number.push_str(&rest[..digits]);
        rest = rest[digits..].trim_start();
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let seconds = match &rest[..letters] {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        rest = rest[letters..].trim_start();
        let part = number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(SECOND)?;
        total = total.checked_add(part)?;
    }
    (total > 0).then_some(total)
}

fn nanos(t: Timestamp) -> Nanos {
    i64::try_from(t.as_nanosecond()).unwrap_or(i64::MAX)
}

fn word(text: &str, here: &Zoned) -> Option<Nanos> {
    let at = match text {
        "now" => here.clone(),
        "today" => here.start_of_day().ok()?,
        "yesterday" => here.checked_sub(1.day()).ok()?.start_of_day().ok()?,
        _ => return None,
    };
    Some(nanos(at.timestamp()))
}

fn stamp(text: &str, zone: &TimeZone, now: Timestamp) -> Option<Nanos> {
    let rules = Rules::new(zone.clone(), now.as_second());
    Clock::new(rules.clone()).parse(text.as_bytes()).or_else(|| {
        // A time of day may lack its seconds.
        let padded = format!("{text}:00");
        Clock::new(rules).parse(padded.as_bytes()).filter(|_| text.len() == 16)
    })
}

fn date(text: &str, zone: &TimeZone) -> Option<Nanos> {
    let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok().map(nanos)
}

fn clock(text: &str, here: &Zoned) -> Option<Nanos> {
    let time: jiff::civil::Time = text.parse().ok().filter(|_| text.contains(':'))?;
    let at: DateTime = here.date().to_datetime(time);
    here.time_zone().to_timestamp(at).ok().map(nanos)
}

/// A moment as `2026-03-01T10:00:00.123Z`, with as many digits as it needs.
#[must_use]
pub fn format_utc(at: Nanos) -> String {
    let duration = SignedDuration::from_nanos(at);
    Timestamp::from_duration(duration).map_or_else(|_| at.to_string(), |t| t.to_string())
}
