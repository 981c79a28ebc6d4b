//! Which field of a log holds the time of its records.
//!
//! Fields are taken by their names, never by their values alone:
//!
//! 1. the usual names, of fields that are not nested;
//! 2. other names that speak of a time, like `stageTimestamp`, not nested;
//! 3. the usual names of nested fields, by the last part of their path;
//! 4. other names of nested fields that speak of a time.
//!
//! Most of the records that have the field must have a time there. Of several fields of the same
//! rank, one whose times grow from line to line is taken before others, then by the order of
//! [`USUAL`], then the one seen first. A number is a time only if it is one from 2000 to 2099.

use super::each::for_each_record;
use super::plain::{TIME, TIMESTAMP};
use super::{Definition, Format, moment};
use crate::record::{FieldId, Fields, SpanKind};
use crate::time::{Clock, Nanos, Rules};
use crate::value;

/// Names under which a time is looked for first.
const USUAL: [&str; 30] = [
    "time",
    "ts",
    "timestamp",
    "@timestamp",
    "datetime",
    "date",
    "t",
    "@t",
    "time_local",
    "time_iso8601",
    "requestReceivedTimestamp",
    "eventTime",
    "event_time",
    "syslog_time",
    "log_time",
    "logged_at",
    "created_at",
    "asctime",
    "Timestamp",
    "Time",
    "TimeGenerated",
    "TimeCreated",
    "when",
    "msec",
    "_time",
    "__REALTIME_TIMESTAMP",
    "eventtime",
    "rt",
    "start",
    "published",
];

/// What is known of the values of a field.
#[derive(Debug, Clone, Default)]
struct Values {
    all: usize,
    times: usize,
    last: Option<Nanos>,
    /// Steps from one time to the next, and those that go back.
    steps: usize,
    back: usize,
}

impl Values {
    fn add(&mut self, time: Option<Nanos>) {
        self.all += 1;
        let Some(time) = time else { return };
        self.times += 1;
        if let Some(last) = self.last {
            self.steps += 1;
            self.back += usize::from(time < last);
        }
        self.last = Some(time);
    }

    fn is_time(&self) -> bool {
        self.times * 2 > self.all
    }

    /// Whether hardly any time is before the one above it.
    fn grows(&self) -> bool {
        self.back * 20 <= self.steps
    }
}

/// The field of `definition` that holds the time, if one does.
#[must_use]
pub fn find_time(definition: &Definition, sample: &[u8], rules: &Rules) -> Option<String> {
    if let Some(name) = definition.time() {
        return Some(name.to_owned());
    }
    let mut fields = Fields::all();
    let mut clock = Clock::new(rules.clone());
    let mut all: Vec<Values> = Vec::new();
    for_each_record(definition, sample, rules, &mut fields, |_, record, block| {
        for (FieldId(id), span) in record.present() {
            let at = usize::from(id);
            if at >= all.len() {
                all.resize(at + 1, Values::default());
            }
            let text = value::text(span, block).filter(|_| span.kind != SpanKind::Bool);
            let text = text.filter(|_| span.kind != SpanKind::Json);
            all[at].add(text.and_then(|text| clock.parse(&text).filter(|t| is_likely(*t, &text))));
        }
    });
    let is_time = |at: usize| all.get(at).is_some_and(Values::is_time);
    if matches!(definition, Definition::TimeBesidePair(_))
        && fields.find(TIMESTAMP).is_some_and(|id| is_time(id.0.into()))
    {
        return Some(TIMESTAMP.to_owned());
    }
    let candidates = (0..fields.len()).filter(|&at| is_time(at));
    let ranked = candidates.filter_map(|at| {
        let (class, order) = rank(&fields.names()[at])?;
        Some((class, !all[at].grows(), order, at))
    });
    let best = ranked.min();
    // A date and a time of day together come after the usual names, and before all others.
    if best.is_none_or(|(class, ..)| class > 0)
        && let Some(both) = find_moment(definition, sample, rules, fields.names())
    {
        return Some(both);
    }
    best.map(|(.., at)| fields.names()[at].clone())
}

/// The field that is a date and a time of day together, if most records that have it have a time there.
fn find_moment(
    definition: &Definition,
    sample: &[u8],
    rules: &Rules,
    names: &[String],
) -> Option<String> {
    moment::candidates(names).find(|name| {
        let mut fields = Fields::only(&[name]);
        let Some(id) = fields.find(name) else { return false };
        let mut clock = Clock::new(rules.clone());
        let mut values = Values::default();
        for_each_record(definition, sample, rules, &mut fields, |_, record, block| {
            if let Some(text) = value::text(record.get(id), block) {
                values.add(clock.parse(&text));
            }
        });
        values.all > 0 && values.is_time()
    })
}

/// Whether a text that reads as a time is not just a number.
fn is_likely(time: Nanos, text: &[u8]) -> bool {
    let is_number = text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    !is_number || crate::time::is_sane(time)
}

/// The rank of a name, and its place among the usual ones; nothing if it does not speak of a time.
fn rank(name: &str) -> Option<(u8, usize)> {
    let usual = |name: &str| USUAL.iter().position(|usual| *usual == name);
    if let Some(order) = usual(name) {
        return Some((0, order));
    }
    // `timestamp.seconds`, beside its `nanos`.
    let name = name.strip_suffix(".seconds").unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    let nested = last.len() < name.len();
    match usual(last).filter(|_| nested) {
        Some(order) => Some((2, order)),
        None if speaks_of_time(last) => Some((if nested { 3 } else { 1 }, 0)),
        None => None,
    }
}

fn speaks_of_time(name: &str) -> bool {
    // `createdAt`.
    let at = name.ends_with("At") && name.len() > 2;
    let name = name.to_ascii_lowercase();
    let parts = ["time", "date", "epoch"];
    parts.iter().any(|part| name.contains(part))
        || name.ends_with("_ts")
        || name.ends_with("_at")
        || at
}

/// Whether lines of a format have a time in front and a pair that is called `time` as well.
pub(super) fn has_time_beside_pair(format: Format, sample: &[u8], rules: &Rules) -> bool {
    if !matches!(format, Format::Plain | Format::Logfmt) {
        return false;
    }
    let definition = Definition::TimeBesidePair(format);
    let mut found = false;
    for_each_record(&definition, sample, rules, &mut Fields::all(), |fields, record, _| {
        let has = |name| fields.find(name).is_some_and(|id| record.get(id).is_present());
        found |= has(TIME) && has(TIMESTAMP);
    });
    found
}
