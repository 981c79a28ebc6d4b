//! The range of time that is asked for.

use cutwater_logs::format::need_time;
use cutwater_logs::scan::{Log, Request};
use cutwater_logs::seek::{last_time, seek};
use cutwater_logs::time::{Nanos, parse_when};
use cutwater_shell::words::shown;
use cutwater_shell::{Failure, note};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `--since`, `--until` and `--last`, as they were given.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) last: Option<String>,
    /// The zone of times without one.
    pub(super) zone: TimeZone,
}

impl Times {
    /// Turns the times into byte ranges where the logs are sorted, and into a condition. Returns how
    /// many pages of the logs were read for it.
    pub(super) fn apply(&self, logs: &[Log], request: &mut Request) -> Result<u64, Failure> {
        if self.since.is_none() && self.until.is_none() && self.last.is_none() {
            return Ok(0);
        }
        let (since, until) = self.range(logs)?;
        let mut pages = 0;
        for log in logs {
            need_time(log.time.as_ref(), "choosing records by time")?;
            let sought = seek(log, since, until)?;
            if let Some(sought) = &sought {
                pages += sought.pages_touched;
                if !sought.sorted {
                    let name = shown(&log.input.path);
                    note(&format!("{name} is not sorted by time: all of it is read"));
                }
            }
            request.ranges.push(sought.map(|sought| sought.range));
        }
        request.filter.between(since, until);
        Ok(pages)
    }

    fn range(&self, logs: &[Log]) -> Result<(Option<Nanos>, Option<Nanos>), Failure> {
        let now = Timestamp::now();
        let moment = |text: &Option<String>| -> Result<Option<Nanos>, Failure> {
            text.as_ref().map(|t| parse_when(t, &self.zone, now)).transpose().map_err(Failure::from)
        };
        let (mut since, until) = (moment(&self.since)?, moment(&self.until)?);
        if let (Some(from), Some(to)) = (since, until)
            && from >= to
        {
            return Err(Failure::usage("--until is not after --since, so that no record is meant"));
        }
        let no_duration = |text: &String| {
            Failure::usage(format!("--last takes a duration such as 15m or 2h30m, not {text:?}"))
        };
        let last = moment(&self.last);
        if let Some(last) = last.map_err(|e| self.last.as_ref().map_or(e, no_duration))? {
            let span = now.as_nanosecond() as i64 - last;
            since = Some(latest(logs)?.saturating_sub(span));
        }
        Ok((since, until))
    }
}

/// The time of the last record of all logs, or now if none is known.
fn latest(logs: &[Log]) -> Result<Nanos, Failure> {
    let mut latest = None;
    for log in logs {
        if log.input.plain().is_none() {
            note(&format!(
                "the last record of {} is known only when all is read, so that --last counts \
                 from now; --since takes a time",
                shown(&log.input.path)
            ));
        }
        latest = latest.max(last_time(log)?);
    }
    Ok(latest.unwrap_or(Timestamp::now().as_nanosecond() as i64))
}
