//! Groups by the values of fields.

use super::measure::{Acc, Measure, Measured};
use super::zoned::Zoned;
use crate::groups::Keys;
use crate::misfits::Misfits;
use crate::record::{FieldId, Fields};
use crate::scan::{Row, Sink};
use crate::time::Clock;
use crate::value::{self, Rank};

/// The values of a group's fields; nothing where a record lacks the field or has null.
pub type Key = Vec<Option<Vec<u8>>>;

/// Groups records by fields.
#[derive(Debug, Clone)]
pub struct Grouping {
    by: Vec<String>,
    measures: Vec<Measure>,
    /// What each measure is about.
    measured: Vec<Measured>,
    by_ids: Vec<Option<FieldId>>,
    measure_ids: Vec<Option<FieldId>>,
    keys: Keys,
    counts: Vec<u64>,
    accs: Vec<Acc>,
    scratch: Vec<u8>,
    /// The zone in which times are shown, and which fields are times in the log that is read.
    zoned: Option<(Zoned, Vec<bool>)>,
    /// Values that are in no measure, as they are of another kind than most of their field.
    pub misfits: Misfits,
    /// Records left out because there were more than [`Grouping::MAX`] groups, or their keys
    /// were longer than [`Keys::BYTES_MAX`] together.
    pub left_out: u64,
}

/// The length that stands for a value that is not there: no line is so long.
const ABSENT: u32 = u32::MAX;

impl Grouping {
    /// The most groups that are kept.
    pub const MAX: usize = 1 << 20;

    /// Groups by the values of `by`; measures are over numbers.
    #[must_use]
    pub fn new(by: &[String], measures: &[Measure]) -> Self {
        Self {
            by: by.to_vec(),
            measures: measures.to_vec(),
            measured: vec![Measured::Numbers; measures.len()],
            by_ids: Vec::new(),
            measure_ids: Vec::new(),
            keys: Keys::default(),
            counts: Vec::new(),
            accs: Vec::new(),
            scratch: Vec::new(),
            zoned: None,
            misfits: Misfits::default(),
            left_out: 0,
        }
    }

    /// The same with times as `zoned` shows them; records must carry their times.
    #[must_use]
    pub fn zoned(self, zoned: Option<&Zoned>) -> Self {
        Self { zoned: zoned.map(|zoned| (zoned.clone(), Vec::new())), ..self }
    }

    /// The same with measures over what `measured` says, one for each ([`Measured::of_all`]).
    #[must_use]
    pub fn over(mut self, measured: &[Measured]) -> Self {
        for (mine, given) in self.measured.iter_mut().zip(measured) {
            *mine = *given;
        }
        self
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
        self.misfits.merge(&other.misfits);
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

    /// The groups: key, count, and a value for each measure. The largest comes first; equal ones are in
    /// the order of their keys: absent values first, then by value ([`value::Rank`]).
    #[must_use]
    pub fn groups(&self) -> Vec<(Key, u64, Vec<Option<f64>>)> {
        let width = self.measures.len();
        let mut order: Vec<usize> = (0..self.counts.len()).collect();
        // Found once: there may be a million groups of one size.
        let rank = |&at: &usize| parts(self.keys.key(at)).map(Rank::of);
        let ranks: Vec<Rank> = order.iter().flat_map(rank).collect();
        let ranks = |at: usize| &ranks[at * self.by.len()..][..self.by.len()];
        order.sort_unstable_by(|&a, &b| {
            let by_bytes = || parts(self.keys.key(a)).cmp(parts(self.keys.key(b)));
            let by_key = || ranks(a).cmp(ranks(b)).then_with(by_bytes);
            self.counts[b].cmp(&self.counts[a]).then_with(by_key)
        });
        let group = |at: usize| {
            let accs = &self.accs[at * width..][..width];
            let values =
                self.measures.iter().zip(accs).map(|(m, acc)| m.value(self.counts[at], acc));
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

    fn begin(&mut self, log: usize, fields: &mut Fields) {
        if let Some((zoned, are_times)) = &mut self.zoned {
            *are_times = self.by.iter().map(|name| zoned.is_time(log, name)).collect();
        }
        self.by_ids = self.by.iter().map(|name| fields.add(name)).collect();
        let id = |m: &Measure| m.field().and_then(|name| fields.add(name));
        self.measure_ids = self.measures.iter().map(id).collect();
    }

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        self.scratch.clear();
        for (at, id) in self.by_ids.iter().enumerate() {
            let time = self.zoned.as_ref().filter(|(_, are_times)| are_times[at]);
            if let (Some((zoned, _)), Some(time)) = (time, row.time) {
                Self::push_part(&mut self.scratch, Some(zoned.text(time).as_bytes()));
                continue;
            }
            let text = id.and_then(|id| value::text(row.record.get(id), row.block));
            Self::push_part(&mut self.scratch, text.as_deref());
        }
        let Some(place) = self.place() else {
            self.left_out += 1;
            return;
        };
        self.counts[place] += 1;
        let accs = &mut self.accs[place * self.measures.len()..];
        for (at, acc) in accs.iter_mut().take(self.measures.len()).enumerate() {
            let Some(id) = self.measure_ids[at] else { continue };
            let (span, measured) = (row.record.get(id), self.measured[at]);
            match measured.amount(span, row.block) {
                Some(amount) => acc.add(amount),
                None => {
                    if let Some(value) = value::text(span, row.block) {
                        self.misfits.add(row.fields.name(id), measured.wanted(), &value);
                    }
                }
            }
        }
    }
}
