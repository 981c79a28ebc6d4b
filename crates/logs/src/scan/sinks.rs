//! What can be made of records: counts, groups, profiles, lines.

use super::{Row, Sink};
use crate::groups::Keys;
use crate::profile::Profile;
use crate::record::{FieldId, Fields};
use crate::time::Clock;
use crate::timeline::Timeline;
use crate::value::{self, Sum};

/// Counts and keeps nothing.
#[derive(Debug, Default)]
pub struct Counting;

impl Sink for Counting {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, _: &Row<'_>, _: &mut Clock) {}
}

/// Rows of text, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The text of all rows.
    pub text: Vec<u8>,
    /// Where each row ends.
    pub ends: Vec<usize>,
}

impl Rows {
    /// The rows one by one.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.row(at))
    }

    /// The row of index `at`; empty past the last one.
    #[must_use]
    pub fn row(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or_default() };
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or_default()
    }
}

/// So many bytes of rows are handed over before a piece ends.
const ROWS_BYTES_MAX: usize = 8 << 20;

/// Keeps the lines as they stand.
#[derive(Debug, Default)]
pub struct Lines {
    rows: Rows,
}

impl Sink for Lines {
    type Out = Rows;

    fn fields(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        self.rows.text.extend_from_slice(row.line);
        self.rows.text.push(b'\n');
        self.rows.ends.push(self.rows.text.len());
    }

    fn is_full(&self) -> bool {
        self.rows.text.len() >= ROWS_BYTES_MAX
    }

    fn take(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }
}

/// Profiles every field and the times, log by log.
#[derive(Debug, Default)]
pub struct Profiling {
    /// What is known of each log, by its index.
    pub logs: Vec<(usize, Profile, Timeline)>,
}

impl Profiling {
    /// Adds what another thread found.
    pub fn merge(&mut self, other: Self) {
        for (log, profile, timeline) in other.logs {
            match self.logs.iter_mut().find(|(index, ..)| *index == log) {
                Some((_, mine, times)) => {
                    mine.merge(&profile);
                    times.merge(&timeline);
                }
                None => self.logs.push((log, profile, timeline)),
            }
        }
    }
}

impl Sink for Profiling {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        None
    }

    fn begin(&mut self, log: usize, _: &mut Fields) {
        self.logs.push((log, Profile::default(), Timeline::default()));
    }

    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        let Some((_, profile, timeline)) = self.logs.last_mut() else { return };
        profile.add(row.fields, row.record, row.block, clock);
        if let Some(time) = row.time {
            timeline.add(time);
        }
    }
}

/// What to compute over the records of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// How many records there are.
    Count,
    /// The sum of a field.
    Sum(String),
    /// The mean of a field, over the records that have it as a number.
    Avg(String),
    /// The least value of a field.
    Min(String),
    /// The greatest value of a field.
    Max(String),
}

impl Measure {
    /// Understands `count`, `sum(FIELD)`, `avg(FIELD)`, `min(FIELD)`, `max(FIELD)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "count" {
            return Some(Self::Count);
        }
        let (name, field) = text.strip_suffix(')')?.split_once('(')?;
        let field = field.trim().to_owned();
        match name.trim() {
            _ if field.is_empty() => None,
            "sum" => Some(Self::Sum(field)),
            "avg" => Some(Self::Avg(field)),
            "min" => Some(Self::Min(field)),
            "max" => Some(Self::Max(field)),
            _ => None,
        }
    }

    /// The field that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Count => None,
            Self::Sum(f) | Self::Avg(f) | Self::Min(f) | Self::Max(f) => Some(f),
        }
    }

    /// Its value over a group of `count` records; nothing where no record has the field.
    #[must_use]
    pub fn of(&self, count: u64, acc: &Acc) -> Option<f64> {
        let some = (acc.count > 0).then_some(());
        match self {
            Self::Count => Some(count as f64),
            Self::Sum(_) => some.map(|()| acc.sum.total()),
            Self::Avg(_) => some.map(|()| acc.sum.total() / acc.count as f64),
            Self::Min(_) => some.map(|()| acc.min),
            Self::Max(_) => some.map(|()| acc.max),
        }
    }
}

/// A field over the records of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Acc {
    count: u64,
    sum: Sum,
    min: f64,
    max: f64,
}

impl Default for Acc {
    fn default() -> Self {
        Self { count: 0, sum: Sum::default(), min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Acc {
    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum.add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// The values of a group's fields; nothing where a record lacks the field or has null.
pub type Key = Vec<Option<Vec<u8>>>;

/// Groups records by fields.
#[derive(Debug, Clone)]
pub struct Grouping {
    by: Vec<String>,
    measures: Vec<Measure>,
    by_ids: Vec<Option<FieldId>>,
    measure_ids: Vec<Option<FieldId>>,
    keys: Keys,
    counts: Vec<u64>,
    accs: Vec<Acc>,
    scratch: Vec<u8>,
    /// Records left out because there were more than [`Grouping::MAX`] groups, or their keys
    /// were longer than [`Keys::BYTES_MAX`] together.
    pub left_out: u64,
}

/// The length that stands for a value that is not there: no line is so long.
const ABSENT: u32 = u32::MAX;

impl Grouping {
    /// The most groups that are kept.
    pub const MAX: usize = 1 << 20;

    /// Groups by the values of `by`.
    #[must_use]
    pub fn new(by: &[String], measures: &[Measure]) -> Self {
        Self {
            by: by.to_vec(),
            measures: measures.to_vec(),
            by_ids: Vec::new(),
            measure_ids: Vec::new(),
            keys: Keys::default(),
            counts: Vec::new(),
            accs: Vec::new(),
            scratch: Vec::new(),
            left_out: 0,
        }
    }

    /// Appends a key's part: its length, then its bytes.
    fn push_part(scratch: &mut Vec<u8>, part: Option<&[u8]>) {
        let length = part.map_or(ABSENT, |part| part.len() as u32);
        scratch.extend_from_slice(&length.to_le_bytes());
        scratch.extend_from_slice(part.unwrap_or_default());
    }

    fn place(&mut self) -> Option<usize> {
        let place = self.keys.place(&self.scratch, Self::MAX)?;
        if place == self.counts.len() {
            self.counts.push(0);
            self.accs.resize(self.accs.len() + self.measures.len(), Acc::default());
        }
        Some(place)
    }

    /// Adds what another thread found.
    pub fn merge(&mut self, other: &Self) {
        self.left_out += other.left_out;
        let width = self.measures.len();
        for (at, &count) in other.counts.iter().enumerate() {
            self.scratch.clear();
            self.scratch.extend_from_slice(other.keys.key(at));
            let Some(place) = self.place() else {
                self.left_out += count;
                continue;
            };
            self.counts[place] += count;
            let theirs = &other.accs[at * width..][..width];
            for (mine, theirs) in self.accs[place * width..][..width].iter_mut().zip(theirs) {
                mine.merge(theirs);
            }
        }
    }

    /// The groups: key, count, and a value for each measure. Largest first, equals by the values
    /// of their keys, of which an absent one is the first.
    #[must_use]
    pub fn groups(&self) -> Vec<(Key, u64, Vec<Option<f64>>)> {
        let width = self.measures.len();
        let mut order: Vec<usize> = (0..self.counts.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            let by_key = || parts(self.keys.key(a)).cmp(parts(self.keys.key(b)));
            self.counts[b].cmp(&self.counts[a]).then_with(by_key)
        });
        let group = |at: usize| {
            let accs = &self.accs[at * width..][..width];
            let values = self.measures.iter().zip(accs).map(|(m, acc)| m.of(self.counts[at], acc));
            let key = parts(self.keys.key(at)).map(|part| part.map(<[u8]>::to_vec));
            (key.collect(), self.counts[at], values.collect())
        };
        order.into_iter().map(group).collect()
    }
}

/// The values that a key was made of.
fn parts(mut key: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (length, rest) = key.split_first_chunk::<4>()?;
        let length = Some(u32::from_le_bytes(*length)).filter(|&length| length != ABSENT);
        let bytes = length.map_or(0, |length| length as usize).min(rest.len());
        let (part, rest) = rest.split_at(bytes);
        key = rest;
        Some(length.map(|_| part))
    })
}

impl Sink for Grouping {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        let measured = self.measures.iter().filter_map(Measure::field).map(str::to_owned);
        Some(self.by.iter().cloned().chain(measured).collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        self.by_ids = self.by.iter().map(|name| fields.add(name)).collect();
        let id = |m: &Measure| m.field().and_then(|name| fields.add(name));
        self.measure_ids = self.measures.iter().map(id).collect();
    }

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        self.scratch.clear();
        for id in &self.by_ids {
            let text = id.and_then(|id| value::text(row.record.get(id), row.block));
            Self::push_part(&mut self.scratch, text.as_deref());
        }
        let Some(place) = self.place() else {
            self.left_out += 1;
            return;
        };
        self.counts[place] += 1;
        let accs = &mut self.accs[place * self.measures.len()..];
        for (id, acc) in self.measure_ids.iter().zip(accs) {
            let number = id.and_then(|id| value::number(row.record.get(id), row.block));
            if let Some(number) = number {
                acc.add(number);
            }
        }
    }
}
