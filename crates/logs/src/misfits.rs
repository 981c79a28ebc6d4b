//! Values that could not be read as what a request compares or measures.

use crate::bad::excerpt;

/// Values of one field that a request could not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field.
    pub field: String,
    /// What was looked for, in words: `a number`.
    pub wanted: &'static str,
    /// How many values were something else.
    pub count: u64,
    /// One of them, as printable text.
    pub example: String,
}

/// Misfits by field and by what was looked for. There are at most as many as conditions and
/// measures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfits(Vec<Misfit>);

impl Misfits {
    /// Counts `value`.
    #[cold]
    pub fn add(&mut self, field: &str, wanted: &'static str, value: &[u8]) {
        match self.find(field, wanted) {
            Some(known) => known.count += 1,
            None => self.0.push(Misfit {
                field: field.to_owned(),
                wanted,
                count: 1,
                example: excerpt(value),
            }),
        }
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.join(other, |mine, theirs| mine + theirs);
    }

    /// Adds another's, which counts the same values: the larger count of each is kept.
    pub fn merge_same(&mut self, other: &Self) {
        self.join(other, u64::max);
    }

    fn join(&mut self, other: &Self, count: impl Fn(u64, u64) -> u64) {
        for theirs in &other.0 {
            match self.find(&theirs.field, theirs.wanted) {
                Some(mine) => mine.count = count(mine.count, theirs.count),
                None => self.0.push(theirs.clone()),
            }
        }
    }

    fn find(&mut self, field: &str, wanted: &str) -> Option<&mut Misfit> {
        self.0.iter_mut().find(|known| known.field == field && known.wanted == wanted)
    }

    /// All of them, in the order in which they were first met.
    pub fn iter(&self) -> impl Iterator<Item = &Misfit> {
        self.0.iter()
    }

    /// Whether every value fitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
