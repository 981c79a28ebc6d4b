//! What can be made of records: counts, groups, profiles, lines.

mod grouping;
mod measure;
mod profiling;
mod rows;
mod zoned;

pub use grouping::{Grouping, Key};
pub use measure::{Acc, Measure, Measured};
pub use profiling::Profiling;
pub use rows::{Lines, Rows};
pub use zoned::Zoned;

use super::{Row, Sink};
use crate::record::Fields;
use crate::time::Clock;

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
