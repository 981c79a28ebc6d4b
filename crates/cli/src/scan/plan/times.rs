//! The range of time that is asked for.

use cutwater_logs::format::need_time;
use cutwater_logs::scan::{Log, Request};
use cutwater_logs::seek::{last_time, seek};
use cutwater_logs::time::{Nanos, format_utc, parse_when, time_of_day};
use cutwater_shell::words::shown;
use cutwater_shell::{Failure, note};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// `--since`, `--until` and `--last`, as they were given.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) last: Option<String>,
    /// The zone of times without one.
    pub(super) zone: TimeZone,
    /// Whether all of a log is read, even if its times are sorted.
    pub(super) no_seek: bool,
}

/// How a range of time was found.
#[derive(Debug, Default)]
pub(in crate::scan) struct Sought {
    /// Pages of the logs that were read for it.
    pub(in crate::scan) pages_touched: u64,
    /// Whether a part of a log is not read because its times count as sorted.
    pub(in crate::scan) relied_on_order: bool,
    /// Whether a note said what the logs cover.
    pub(in crate::scan) is_outside: bool,
}

/// The first time of a range, and the first one after it.
type Range = (Option<Nanos>, Option<Nanos>);

impl Times {
    /// Whether a range is asked for.
    pub(super) fn are_asked(&self) -> bool {
        self.since.is_some() || self.until.is_some() || self.last.is_some()
    }

    /// Turns the times into byte ranges where the logs are sorted, and into a condition.
    pub(super) fn apply(&self, logs: &[Log], request: &mut Request) -> Result<Sought, Failure> {
        let mut all = Sought::default();
        if !self.are_asked() {
            return Ok(all);
        }
        for log in logs {
            need_time(log.time.as_ref(), "choosing records by time")?;
        }
        let range = self.range(logs)?;
        for log in logs {
            let sought = if self.no_seek { None } else { seek(log, range.0, range.1)? };
            if let Some(sought) = &sought {
                all.pages_touched += sought.pages_touched;
                all.relied_on_order |= sought.sorted && sought.range != (0..log.input.size());
                if !sought.sorted {
                    let name = shown(&log.input.path);
                    note(&format!("{name} is not sorted by time: all of it is read"));
                }
            }
            request.ranges.push(sought.map(|sought| sought.range));
        }
        request.filter.between(range.0, range.1);
        all.is_outside = note_if_outside(logs, range)?;
        Ok(all)
    }

    fn range(&self, logs: &[Log]) -> Result<Range, Failure> {
        let now = Timestamp::now();
        let (mut since, until) = (self.moment(&self.since, logs)?, self.moment(&self.until, logs)?);
        let is_of_day =
            |text: &Option<String>| text.as_deref().is_some_and(|t| time_of_day(t).is_some());
        if let (Some(from), Some(to)) = (since, until)
            && from >= to
        {
            // Before midnight until after it: from the day before.
            since = self.day_before(from).filter(|&from| is_of_day(&self.since) && from < to);
            if since.is_none() || !is_of_day(&self.until) {
                let what = "--until is not after --since, so that no record is meant";
                return Err(Failure::usage(what));
            }
        }
        if let Some(text) = &self.last {
            let refused = || {
                Failure::usage(format!(
                    "--last takes a duration such as 15m or 2h30m, not {text:?}"
                ))
            };
            let before = parse_when(text, &self.zone, now).map_err(|_| refused())?;
            since = Some(latest(logs)?.saturating_sub(nanos(now).saturating_sub(before)));
        }
        Ok((since, until))
    }

    /// The moment that `text` means. A time of day is one of the last day of the logs.
    fn moment(&self, text: &Option<String>, logs: &[Log]) -> Result<Option<Nanos>, Failure> {
        let Some(text) = text else { return Ok(None) };
        let Some(time) = time_of_day(text) else {
            return Ok(Some(parse_when(text, &self.zone, Timestamp::now())?));
        };
        let last = timestamp(latest(logs)?).to_zoned(self.zone.clone());
        let at = self.zone.to_timestamp(last.date().to_datetime(time));
        let refused = |e| {
            Failure::usage(format!("{text} is no time of {}, the last day of the log", last.date()))
                .because(e)
        };
        at.map(|at| Some(nanos(at))).map_err(refused)
    }

    fn day_before(&self, at: Nanos) -> Option<Nanos> {
        let here = timestamp(at).to_zoned(self.zone.clone());
        here.checked_sub(1.day()).ok().map(|before| nanos(before.timestamp()))
    }
}

fn nanos(at: Timestamp) -> Nanos {
    Nanos::try_from(at.as_nanosecond()).unwrap_or(Nanos::MAX)
}

pub(super) fn timestamp(at: Nanos) -> Timestamp {
    // The nanoseconds of 64 bits are within the years that jiff knows.
    Timestamp::from_duration(SignedDuration::from_nanos(at)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Says what the logs cover if none of them has a time in `range`. Returns whether it did.
fn note_if_outside(logs: &[Log], (since, until): Range) -> Result<bool, Failure> {
    let mut covered = Vec::new();
    for log in logs {
        let Some((first, sampled)) = log.sampled_times() else { return Ok(false) };
        let last = last_time(log)?.map(|last| last.max(sampled));
        let ends_before = last.is_some_and(|last| since.is_some_and(|since| last < since));
        if !ends_before && until.is_none_or(|until| first < until) {
            return Ok(false);
        }
        let last = last.map_or_else(String::new, |last| format!(" to {}", format_utc(last)));
        covered.push(format!("{} covers {}{last}", shown(&log.input.path), format_utc(first)));
    }
    if covered.is_empty() {
        return Ok(false);
    }
    let from = since.map_or_else(String::new, |at| format!(" from {}", format_utc(at)));
    let to = until.map_or_else(String::new, |at| format!(" to {}", format_utc(at)));
    note(&format!("no record is of the time that is asked for{from}{to}: {}", covered.join(", ")));
    Ok(true)
}

/// The time of the last record of all logs, or now if none is known.
pub(super) fn latest(logs: &[Log]) -> Result<Nanos, Failure> {
    let mut latest = None;
    for log in logs {
        if log.input.plain().is_none() {
            note(&format!(
                "the last record of {} is known only when all is read, so that the time counts \
                 from now; --since takes a date and time",
                shown(&log.input.path)
            ));
        }
        latest = latest.max(last_time(log)?);
    }
    Ok(latest.unwrap_or(nanos(Timestamp::now())))
}
