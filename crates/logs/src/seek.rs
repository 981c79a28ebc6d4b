//! Finding a time in a sorted log without reading it: a handful of pages, whatever the size.
//!
//! A log counts as sorted when the times at [`PLACES`] places spread over it never go back by
//! more than [`SLACK`]. In such a log a bisection finds where the times asked for begin and
//! end. What is out of order by at most [`SLACK`] is found too, since the range is widened by
//! it on both sides and each record in it is looked at; what is further out of order is not.
//! Where stamps have no zone and clocks are put back, a log repeats an hour of times; the range is then
//! widened by that hour, too.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Result;
use crate::format::{Definition, Parser, Rewriter};
use crate::record::{FieldId, Fields, Record};
use crate::scan::Log;
use crate::split::ReadAt;
use crate::time::{Clock, Nanos, SECOND};

/// Places at which order is sampled.
pub const PLACES: u64 = 24;

/// By how much a record's time may be before that of an earlier record.
pub const SLACK: Nanos = 10 * SECOND;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// How far to look for a line with a time before giving a place up.
const PROBE_PAGES_MAX: u64 = 64;

/// The most bytes of a text of several pieces.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// How many holes of a sparse file may lie between a place and the next line.
const HOLES_MAX: u32 = 4;

/// Where the records of a time range are in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtRange {
    /// The bytes to scan; all of them when the log is not sorted.
    pub range: Range<u64>,
    /// Whether the log is sorted, by its samples.
    pub sorted: bool,
    /// Pages that were read to find it.
    pub pages_touched: u64,
}

/// Finds the bytes of `log` in which all records from `since` on and before `until` are.
///
/// # Errors
/// When a read fails.
pub fn seek(log: &Log, since: Option<Nanos>, until: Option<Nanos>) -> Result<Option<SoughtRange>> {
    let (Some(file), Some(time)) = (log.input.plain(), &log.time) else { return Ok(None) };
    let _ = file.advise(0..log.input.size(), cutwater::Advice::Random);
    let mut probe = Probe::new(file, log.input.size(), log, time);
    let found = probe.find(since, until)?;
    let _ = file.advise(0..log.input.size(), cutwater::Advice::Normal);
    Ok(Some(found))
}

/// The time of the last record of `log` that has one.
///
/// # Errors
/// When a read fails.
pub fn last_time(log: &Log) -> Result<Option<Nanos>> {
    let (Some(file), Some(time)) = (log.input.plain(), &log.time) else { return Ok(None) };
    let size = log.input.size();
    let mut probe = Probe::new(file, size, log, time);
    let mut back = 16 * PAGE;
    loop {
        let from = size.saturating_sub(back);
        let times = probe.times(from..size)?;
        if let Some(&(_, last)) = times.last() {
            return Ok(Some(last));
        }
        if from == 0 || back > 1 << 24 {
            return Ok(None);
        }
        back *= 4;
    }
}

/// By how much records may be out of order around `time`. It is more where clocks are put back near it:
/// stamps of the hour that comes twice are all read as its first time.
fn slack(zone: &TimeZone, time: Nanos) -> Nanos {
    let second = |nanos: Nanos| Timestamp::from_second(nanos.div_euclid(SECOND)).ok();
    let put_back = || {
        let change = zone.following(second(time.saturating_sub(SLACK))?).next()?.timestamp();
        let offset = |at: Timestamp| Nanos::from(zone.to_offset(at).seconds()) * SECOND;
        let by = offset(second(time.saturating_sub(SLACK))?) - offset(change);
        let repeated_from = Nanos::try_from(change.as_nanosecond()).ok()?.checked_sub(by)?;
        (by > 0 && time.saturating_add(SLACK) >= repeated_from).then_some(by)
    };
    SLACK + put_back().unwrap_or(0)
}

struct Probe<'a, R> {
    source: &'a R,
    zone: TimeZone,
    size: u64,
    parser: Parser,
    rewriter: Option<Rewriter>,
    fields: Fields,
    id: Option<FieldId>,
    clock: Clock,
    record: Record,
    pages: u64,
    buf: Vec<u8>,
}

impl<'a, R: ReadAt> Probe<'a, R> {
    fn new(source: &'a R, size: u64, log: &Log, time: &str) -> Self {
        let mut fields = Fields::only(&[time]);
        let definition: &Definition = &log.definition;
        Self {
            source,
            zone: log.rules.zone.clone(),
            size,
            parser: definition.parser(&mut fields, &log.rules),
            rewriter: definition.rewriter(TEXT_BYTES_MAX),
            id: fields.find(time),
            fields,
            clock: Clock::new(log.rules.clone()),
            record: Record::default(),
            pages: 0,
            buf: Vec::new(),
        }
    }

    /// The lines that begin and end in `range` and have a time: where they begin, and when.
    fn times(&mut self, range: Range<u64>) -> Result<Vec<(u64, Nanos)>> {
        let mut buf = std::mem::take(&mut self.buf);
        buf.resize((range.end - range.start) as usize, 0);
        let n = self.source.read_at(&mut buf, range.start)?;
        self.pages += (n as u64).div_ceil(PAGE);
        let whole = range.start + n as u64 >= self.size;
        let found = self.times_in(&buf[..n], range.start, whole);
        self.buf = buf;
        Ok(found)
    }

    fn times_in(&mut self, bytes: &[u8], offset: u64, whole: bool) -> Vec<(u64, Nanos)> {
        let mut found = Vec::new();
        let first = if offset == 0 { Some(0) } else { memchr::memchr(b'\n', bytes).map(|a| a + 1) };
        let end =
            if whole { bytes.len() } else { memchr::memrchr(b'\n', bytes).map_or(0, |a| a + 1) };
        let Some(mut at) = first.filter(|&first| first < end) else { return found };
        // The kernels count backslashes from the start of a block, which must start a line.
        let block = &bytes[at..end];
        let base = offset + at as u64;
        if let Some(mut rewriter) = self.rewriter.take() {
            rewriter.reset();
            rewriter.block(base, block);
            self.parser.begin_block(rewriter.copy());
            for entry in rewriter.entries() {
                let time = self.time_at(rewriter.copy(), entry.text.start).1;
                found.extend(time.map(|time| (entry.offset, time)));
            }
            self.rewriter = Some(rewriter);
            // Joined texts come when they are whole.
            found.sort_by_key(|(at, _)| *at);
            return found;
        }
        self.parser.begin_block(block);
        at = 0;
        while at < block.len() {
            let (end, time) = self.time_at(block, at);
            found.extend(time.map(|time| (base + at as u64, time)));
            at = end + 1;
        }
        found
    }

    /// Where the line at `at` ends, and its time.
    fn time_at(&mut self, block: &[u8], at: usize) -> (usize, Option<Nanos>) {
        self.record.clear();
        let (end, parsed) = self.parser.parse(block, at, &mut self.fields, &mut self.record);
        let id = self.id.filter(|_| matches!(parsed, Ok(true)));
        (end, id.and_then(|id| self.clock.parse(self.record.get(id).bytes(block))))
    }

    /// The first line with a time that begins at or after `from`, as far as it is near: within
    /// [`PROBE_PAGES_MAX`] pages, and after at most [`HOLES_MAX`] holes.
    fn first_after(&mut self, from: u64) -> Result<Option<(u64, Nanos)>> {
        let (mut from, mut holes) = (from, 0);
        let mut start = from / PAGE * PAGE;
        let mut pages = 1;
        while pages <= PROBE_PAGES_MAX {
            let end = (start + pages * PAGE).min(self.size);
            let times = self.times(start..end)?;
            if let Some(&found) = times.iter().find(|(at, _)| *at >= from) {
                return Ok(Some(found));
            }
            if end == self.size {
                return Ok(None);
            }
            let data = self.source.next_data(end - 1);
            if data >= self.size {
                return Ok(None);
            }
            if data > end && holes < HOLES_MAX {
                (from, start, pages, holes) = (data, data / PAGE * PAGE, 1, holes + 1);
            } else {
                pages *= 2;
            }
        }
        Ok(None)
    }

    fn is_sorted(&mut self) -> Result<bool> {
        let mut latest = Nanos::MIN;
        for place in 0..PLACES {
            let at = (u128::from(self.size) * u128::from(place) / u128::from(PLACES)) as u64;
            if let Some((_, time)) = self.first_after(at)? {
                if time < latest.saturating_sub(SLACK) {
                    return Ok(false);
                }
                latest = latest.max(time);
            }
        }
        Ok(true)
    }

    /// An offset before which every record is before `time`: to within a page.
    fn bisect(&mut self, time: Nanos) -> Result<u64> {
        let (mut low, mut high) = (0, self.size);
        // Everything that begins before `low` is before `time`; from `high` on nothing is.
        while low + PAGE < high {
            let middle = low + (high - low) / 2;
            match self.first_after(middle)? {
                Some((at, t)) if t < time => low = at.max(middle),
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn find(&mut self, since: Option<Nanos>, until: Option<Nanos>) -> Result<SoughtRange> {
        if !self.is_sorted()? {
            return Ok(SoughtRange {
                range: 0..self.size,
                sorted: false,
                pages_touched: self.pages,
            });
        }
        let start = match since {
            Some(since) => self.bisect(since.saturating_sub(slack(&self.zone, since)))?,
            None => 0,
        };
        let end = match until {
            Some(until) => {
                let at = self.bisect(until.saturating_add(slack(&self.zone, until)))?;
                // The bisection ends before the first record that is too late, by at most a page.
                self.first_after((at + PAGE).min(self.size))?.map_or(self.size, |(at, _)| at)
            }
            None => self.size,
        };
        Ok(SoughtRange { range: start..end.max(start), sorted: true, pages_touched: self.pages })
    }
}
