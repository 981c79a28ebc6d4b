//! Timestamps: the layouts of logs, and the rules for what they leave out.
//!
//! - A stamp without a zone is in the zone of the [`Rules`] (UTC unless said otherwise).
//! - A stamp without a year is in the latest year that does not put it more than a day after
//!   the reference: the time at which the file was last written, or now for a stream.
//!
//! The date and hour of the stamp before are kept with the second they stand for, so that
//! only a new hour costs a calendar's work, which jiff does.

mod day;
mod layout;
mod when;

pub use day::time_of_day;
pub use when::{Moment, format_utc, parse_when};

use jiff::civil;
use jiff::tz::TimeZone;

use layout::{Civil, Stamp};

/// Nanoseconds since 1970-01-01T00:00:00Z. Spans 1678 to 2262; what is outside is not a stamp.
pub type Nanos = i64;

/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;

const DAY_S: i64 = 86_400;

/// The most years to go back for a date without a year: 29 February may be 8 years away.
const YEARS_BACK_MAX: i16 = 8;

/// The zone and the year of stamps that name none.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The zone of stamps without one.
    pub zone: TimeZone,
    /// Seconds since 1970: stamps without a year are not more than a day after this.
    pub reference_s: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, reference_s: jiff::Timestamp::now().as_second() }
    }
}

/// Reads stamps; keeps the date and hour of the last one.
#[derive(Debug, Clone)]
pub struct Clock {
    rules: Rules,
    reference_year: i16,
    cached: Option<(Hour, i64)>,
}

/// A date and hour, and whether it is in UTC or in the zone of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hour {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    utc: bool,
}

impl Clock {
    /// A clock by `rules`.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let reference_year = jiff::Timestamp::from_second(rules.reference_s)
            .map_or(1970, |t| t.to_zoned(rules.zone.clone()).year());
        Self { rules, reference_year, cached: None }
    }

    /// The stamp that is the whole of `text`, which may be a number of seconds, milli-,
    /// micro- or nanoseconds since 1970; its size shows which.
    pub fn parse(&mut self, text: &[u8]) -> Option<Nanos> {
        match self.parse_prefix(text) {
            Some((nanos, length)) if length == text.len() => Some(nanos),
            _ => layout::epoch(text),
        }
    }

    /// The stamp that `text` begins with, and its length.
    pub fn parse_prefix(&mut self, text: &[u8]) -> Option<(Nanos, usize)> {
        let Stamp { civil, offset_s, nanos, length } = layout::parse(text)?;
        let in_hour = i64::from(civil.minute) * 60 + i64::from(civil.second);
        let utc = offset_s.is_some();
        let hour_s = match civil.year {
            Some(year) => self.hour(&civil, year, utc)?,
            None => self.without_year(&civil, utc)?,
        };
        let second = hour_s + in_hour - i64::from(offset_s.unwrap_or(0));
        second.checked_mul(SECOND)?.checked_add(i64::from(nanos)).map(|n| (n, length))
    }

    /// The second at which an hour begins.
    fn hour(&mut self, civil: &Civil, year: i16, utc: bool) -> Option<i64> {
        let key = Hour { year, month: civil.month, day: civil.day, hour: civil.hour, utc };
        match self.cached {
            Some((cached, second)) if cached == key => Some(second),
            _ => {
                let zone = if utc { &TimeZone::UTC } else { &self.rules.zone };
                let second = begin_of(key, zone)?;
                self.cached = Some((key, second));
                Some(second)
            }
        }
    }

    fn without_year(&mut self, civil: &Civil, utc: bool) -> Option<i64> {
        let latest = self.rules.reference_s + DAY_S;
        let next_year = self.reference_year + 1;
        (0..=YEARS_BACK_MAX)
            .map(|back| next_year - back)
            .find_map(|year| self.hour(civil, year, utc).filter(|&s| s <= latest))
    }
}

#[cold]
fn begin_of(hour: Hour, zone: &TimeZone) -> Option<i64> {
    let at = civil::DateTime::new(hour.year, hour.month, hour.day, hour.hour, 0, 0, 0).ok()?;
    zone.to_timestamp(at).ok().map(|t| t.as_second())
}

#[cfg(test)]
mod tests;
