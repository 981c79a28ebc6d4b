//! What is computed over a field of a group.

use crate::value::Sum;

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
