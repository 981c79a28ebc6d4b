//! Timestamps: the layouts of logs, and the rules for what they leave out.
//!
//! - A stamp without a zone is in the zone of the [`Rules`] (UTC by default), and so is one whose
//!   zone has an unknown name; [`Clock::take_unknown_zones`] has these names.
//! - A stamp without a year is in the latest year that does not put it more than a day after
//!   the reference: the time at which the file was last written, or now for a stream.
//!
//! The date and hour of the stamp before are kept with the second they stand for, so that
//! only a new hour costs a calendar's work, which jiff does. A date with its year first is read once for
//! the stamps of a minute that follow each other.

mod day;
mod front;
mod layout;
mod order;
mod parts;
mod reader;
mod when;
mod zones;

pub use day::time_of_day;
pub use front::{Front, find_indented};
pub use order::find_day_first;
pub use when::{Moment, format_utc, parse_when};
pub use zones::UnknownZones;
pub(crate) use zones::is_zone_name;

use jiff::civil;
use jiff::tz::TimeZone;

pub(crate) use layout::is_sane;
use layout::{Civil, Minute, Stamp};
use zones::{Meaning, Names};

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
    /// Whether a date in numbers with its year last, like `02/01/2026`, has the day first. With
    /// `None`, its mark decides: the month is first before `/`, the day before `.` and `-`. A
    /// number over 12 is the day in any case.
    pub day_first: Option<bool>,
    /// Whether a time after blanks in front of a line is that of the line, and not a part of the text
    /// that lines before began ([`find_indented`]).
    pub indented: bool,
}

impl Rules {
    /// Rules of a zone and a reference.
    #[must_use]
    pub fn new(zone: TimeZone, reference_s: i64) -> Self {
        Self { zone, reference_s, day_first: None, indented: true }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(TimeZone::UTC, jiff::Timestamp::now().as_second())
    }
}

/// Reads stamps; keeps the date and hour of the last one.
#[derive(Debug, Clone)]
pub struct Clock {
    rules: Rules,
    reference_year: i16,
    cached: Option<(Hour, i64)>,
    minute: Option<Minute>,
    names: Names,
}

/// Where a date and hour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Utc,
    OfRules,
    /// The zone whose name has this number.
    Named(usize),
}

/// A date and hour in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hour {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    zone: Zone,
}

impl Clock {
    /// A clock by `rules`.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let reference_year = jiff::Timestamp::from_second(rules.reference_s)
            .map_or(1970, |t| t.to_zoned(rules.zone.clone()).year());
        Self { rules, reference_year, cached: None, minute: None, names: Names::default() }
    }

    /// The stamp that is the whole of `text`, which may be a number of seconds, milli-,
    /// micro- or nanoseconds since 1970; its size shows which.
    pub fn parse(&mut self, text: &[u8]) -> Option<Nanos> {
        match self.parse_prefix(text) {
            Some((nanos, length)) if length == text.len() => Some(nanos),
            _ => self.parse_number(text).or_else(|| self.parse_parts(text)),
        }
    }

    fn parse_number(&self, text: &[u8]) -> Option<Nanos> {
        let label = || layout::tai64n(text).filter(|(_, length)| *length == text.len());
        let number = layout::epoch(text).or_else(|| label().map(|(nanos, _)| nanos));
        number.or_else(|| layout::dot_net(text))
    }

    /// The stamp that `text` begins with, and its length. Numbers alone are no stamps here.
    #[inline]
    pub fn parse_prefix(&mut self, text: &[u8]) -> Option<(Nanos, usize)> {
        if let Some(stamp) = self.minute.and_then(|minute| minute.stamp(text)) {
            return self.moment(text, &stamp);
        }
        let stamp = layout::parse(text, self.rules.day_first)?;
        if text.get(16) == Some(&b':') {
            self.minute = Minute::of(text, &stamp.civil);
        }
        self.moment(text, &stamp)
    }

    /// The names of zones that were not known since the last call.
    pub fn take_unknown_zones(&mut self) -> UnknownZones {
        self.names.take_unknown()
    }

    /// The moment of a stamp at the beginning of `text`, and its length.
    #[inline]
    fn moment(&mut self, text: &[u8], stamp: &Stamp) -> Option<(Nanos, usize)> {
        let (zone, length) = self.zone_of(text, stamp);
        Some((self.moment_in(stamp, zone)?, length))
    }

    /// The moment of a stamp that is in a zone.
    #[inline]
    fn moment_in(&mut self, stamp: &Stamp, zone: Zone) -> Option<Nanos> {
        let civil = &stamp.civil;
        let in_hour = i64::from(civil.minute) * 60 + i64::from(civil.second);
        let hour_s = match civil.year {
            Some(year) => self.hour(civil, year, zone)?,
            None => self.without_year(civil, zone)?,
        };
        let second = hour_s + in_hour - i64::from(stamp.offset_s.unwrap_or(0));
        second.checked_mul(SECOND)?.checked_add(i64::from(stamp.nanos))
    }

    /// The zone of a stamp, and its length with the zone.
    #[inline]
    fn zone_of(&mut self, text: &[u8], stamp: &Stamp) -> (Zone, usize) {
        match &stamp.name {
            _ if stamp.offset_s.is_some() => (Zone::Utc, stamp.length),
            None => (Zone::OfRules, stamp.length),
            Some(name) => {
                let word = &text[name.start..name.end];
                self.zone_of_word(word, name.known_only)
                    .map_or((Zone::OfRules, stamp.length), |zone| (zone, name.length))
            }
        }
    }

    /// The zone that a word after a time is, unless it is another word.
    fn zone_of_word(&mut self, word: &[u8], known_only: bool) -> Option<Zone> {
        let number = self.names.number(word, !known_only, &self.rules)?;
        match self.names.meaning(number) {
            Meaning::Abbreviation(_) | Meaning::Zone(_) => Some(Zone::Named(number)),
            Meaning::Unknown if !known_only => {
                self.names.count_unknown(number);
                Some(Zone::OfRules)
            }
            Meaning::Unknown | Meaning::Word => None,
        }
    }

    /// The second at which an hour begins.
    #[inline]
    fn hour(&mut self, civil: &Civil, year: i16, zone: Zone) -> Option<i64> {
        let key = Hour { year, month: civil.month, day: civil.day, hour: civil.hour, zone };
        match self.cached {
            Some((cached, second)) if cached == key => Some(second),
            _ => {
                let second = self.begin_of(key)?;
                self.cached = Some((key, second));
                Some(second)
            }
        }
    }

    fn without_year(&mut self, civil: &Civil, zone: Zone) -> Option<i64> {
        let latest = self.rules.reference_s + DAY_S;
        let next_year = self.reference_year + 1;
        (0..=YEARS_BACK_MAX)
            .map(|back| next_year - back)
            .find_map(|year| self.hour(civil, year, zone).filter(|&s| s <= latest))
    }

    #[cold]
    fn begin_of(&self, hour: Hour) -> Option<i64> {
        let at = civil::DateTime::new(hour.year, hour.month, hour.day, hour.hour, 0, 0, 0).ok()?;
        let zone = match hour.zone {
            Zone::Utc => &TimeZone::UTC,
            Zone::OfRules => &self.rules.zone,
            Zone::Named(number) => match self.names.meaning(number) {
                Meaning::Zone(zone) => zone,
                Meaning::Abbreviation(default) => {
                    let name = self.names.name(number);
                    return zones::by_abbreviation(at, name, &self.rules.zone, *default);
                }
                Meaning::Unknown | Meaning::Word => &self.rules.zone,
            },
        };
        zone.to_timestamp(at).ok().map(|t| t.as_second())
    }
}

#[cfg(test)]
mod tests;
