//! The times of logs as they are shown in a zone.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::scan::Log;
use crate::time::Nanos;

/// Shows the time field of each log in one zone.
#[derive(Debug, Clone)]
pub struct Zoned {
    zone: TimeZone,
    /// The time field of each log.
    fields: Vec<Option<String>>,
}

impl Zoned {
    /// Shows the times of `logs` in `zone`.
    #[must_use]
    pub fn new(zone: TimeZone, logs: &[Log]) -> Self {
        Self { zone, fields: logs.iter().map(|log| log.time.clone()).collect() }
    }

    /// Whether `field` holds the time of log `log`.
    #[must_use]
    pub fn is_time(&self, log: usize, field: &str) -> bool {
        self.fields.get(log).is_some_and(|time| time.as_deref() == Some(field))
    }

    /// A time in the zone, with its offset: `2026-03-01T11:00:00+01:00` (RFC 3339).
    #[must_use]
    pub fn text(&self, at: Nanos) -> String {
        let time = Timestamp::from_duration(SignedDuration::from_nanos(at));
        time.map_or_else(
            |_| at.to_string(),
            |time| time.display_with_offset(self.zone.to_offset(time)).to_string(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_offset_of_their_day() {
        let zoned = Zoned { zone: TimeZone::get("Europe/Berlin").unwrap(), fields: Vec::new() };
        assert_eq!(zoned.text(1_772_359_200_500_000_000), "2026-03-01T11:00:00.5+01:00");
        assert_eq!(zoned.text(1_782_900_000_000_000_000), "2026-07-01T12:00:00+02:00");
    }
}
