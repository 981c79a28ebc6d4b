//! What is computed over a field of a group.

use crate::format::for_each_record;
use crate::record::{FieldId, Fields, Span};
use crate::scan::Log;
use crate::value::{self, Quantity, Sum, Unit};

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
    pub fn value(&self, count: u64, acc: &Acc) -> Option<f64> {
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

/// What the values of a measured field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Numbers.
    Numbers,
    /// Durations or sizes; a number beside sizes is a number of bytes, and zero needs no unit.
    Quantities(Unit),
}

impl Measured {
    /// What each of `measures` is about, by the sampled lines of `logs`: the kind that most values have.
    #[must_use]
    pub fn of_all(measures: &[Measure], logs: &[Log]) -> Vec<Self> {
        let names: Vec<&str> = measures.iter().filter_map(Measure::field).collect();
        let mut counts = vec![[0_u64; 3]; names.len()];
        for log in logs.iter().filter(|_| !names.is_empty()) {
            let mut fields = Fields::only(&names);
            fields.dotted = true;
            let ids: Vec<Option<FieldId>> = names.iter().map(|name| fields.find(name)).collect();
            for_each_record(
                &log.definition,
                &log.sample,
                &log.rules,
                &mut fields,
                |_, record, block| {
                    for (id, counts) in ids.iter().zip(&mut counts) {
                        let span = id.map_or_else(Span::default, |id| record.get(id));
                        let text = value::text(span, block).unwrap_or_default();
                        match value::parse_quantity(&text).map(|quantity| quantity.unit) {
                            Some(Unit::Duration) => counts[1] += 1,
                            Some(Unit::Size) => counts[2] += 1,
                            None => counts[0] += u64::from(value::number(span, block).is_some()),
                        }
                    }
                },
            );
        }
        let kind = |[numbers, durations, sizes]: &[u64; 3]| match (durations, sizes) {
            (d, s) if d >= s && d > numbers => Self::Quantities(Unit::Duration),
            (d, s) if s > d && s > numbers => Self::Quantities(Unit::Size),
            _ => Self::Numbers,
        };
        let mut kinds = counts.iter().map(kind);
        let of_one = |measure: &Measure| measure.field().and_then(|_| kinds.next());
        measures.iter().map(of_one).map(|kind| kind.unwrap_or(Self::Numbers)).collect()
    }

    /// The amount of a value; `None` where it is of another kind.
    #[inline]
    pub(super) fn amount(self, span: Span, block: &[u8]) -> Option<f64> {
        let Self::Quantities(unit) = self else { return value::number(span, block) };
        match value::parse_quantity(&value::text(span, block)?) {
            Some(Quantity { amount, unit: found }) => (found == unit).then_some(amount),
            None => value::number(span, block).filter(|n| unit == Unit::Size || *n == 0.0),
        }
    }

    /// What a value has to be, in words.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Numbers => "a number",
            Self::Quantities(Unit::Duration) => "a duration",
            Self::Quantities(Unit::Size) => "a size",
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
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum.add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}
