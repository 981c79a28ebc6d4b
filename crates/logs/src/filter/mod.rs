//! Which records are wanted: `status >= 500 and (path ~ "/api/" or not level = info)`.

mod bound;
mod compare;
mod comparison;
mod condition;
mod fault;
mod literals;
mod node;
mod operators;
mod parse;
mod test;
#[cfg(test)]
mod tests;
mod times;
mod untyped;

pub use bound::Bound;
pub use compare::Compare;
pub use condition::{Condition, Outcome, Place};
pub use literals::Literals;
pub use node::Node;
pub use test::Test;
pub use times::TimeRange;
pub use untyped::Untyped;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use comparison::Comparison;
use condition::BoundCondition;

use crate::Result;
use crate::record::Fields;
use crate::scan::Log;
use crate::time::{Nanos, time_of_day};

/// The name that stands for the whole line, as its raw bytes.
pub const LINE: &str = "_line";

/// What records have to meet.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// All of these must hold.
    nodes: Vec<Node<Condition>>,
    times: TimeRange,
    /// The comparisons in the text that it was parsed from.
    comparisons: Vec<Comparison>,
}

impl Filter {
    /// The deepest that parentheses may be nested in each other.
    pub const DEPTH_MAX: usize = 64;

    /// The most conditions that may be joined.
    pub const CONDITIONS_MAX: usize = 512;

    /// Understands conditions joined by `and` and `or`, with `not` in front and in
    /// parentheses; `and` binds closer than `or`. A condition is `FIELD OP VALUE`, where OP is `=`,
    /// `!=`, `<`, `<=`, `>`, `>=`, `~` (contains), `!~`, `=~` (matches a regular expression)
    /// or `!=~`; FIELD and VALUE are words or quoted. [`LINE`] is the whole line.
    ///
    /// A record without the field fails each test, so it passes the negated ones. Numbers, durations,
    /// sizes and times are compared by value where both sides are one; a value that has no order with the
    /// word fails, and is counted ([`Bound::take_misfits`]). All other words are compared as bytes.
    ///
    /// # Errors
    /// When the text is not of this shape, is nested too deeply or too long, or has an invalid regular
    /// expression; the words point at the place.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self> {
        Self::parse_on(text, zone, Timestamp::now())
    }

    /// The same, with times of day (`ts>=10:03`) on the day of `day` in `zone`: the last day of a log.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse_on(text: &str, zone: &TimeZone, day: Timestamp) -> Result<Self> {
        let (node, comparisons) = parse::parse(text, zone, day)?;
        let all = node.map_or_else(Self::default, |node| Self::all(vec![node]));
        Ok(Self { comparisons, ..all })
    }

    /// Whether a word is a time of day.
    #[must_use]
    pub fn names_a_time_of_day(&self) -> bool {
        self.comparisons.iter().any(|comparison| time_of_day(&comparison.word).is_some())
    }

    /// Checks that words are compared with values of their kind, as far as the sampled lines of `logs`
    /// show: not `status>=5OO`, where all of them are numbers.
    ///
    /// # Errors
    /// When a word is of another kind than all sampled values; the words point at the place.
    pub fn check(&self, logs: &[Log]) -> Result<()> {
        comparison::check(&self.comparisons, logs)
    }

    /// A filter of conditions that must all hold.
    #[must_use]
    pub fn all(nodes: Vec<Node<Condition>>) -> Self {
        Self { nodes: Node::all(nodes).into_all(), ..Self::default() }
    }

    /// Adds another's conditions.
    pub fn and(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.comparisons.extend(other.comparisons);
    }

    /// Keeps to records from `since` on and before `until`.
    pub fn between(&mut self, since: Option<Nanos>, until: Option<Nanos>) {
        self.times = TimeRange { since, until };
    }

    /// Whether every record passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && !self.needs_time()
    }

    /// Whether records are chosen by the time of the log.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        !self.times.is_open()
    }

    /// The times that the conditions on the field `time` leave ([`Test::Time`]).
    #[must_use]
    pub fn time_range(&self, time: &str) -> TimeRange {
        let mut range = TimeRange::default();
        range.narrow(&self.nodes, time);
        range
    }

    /// Whether there are conditions, and all are on the line as a whole: then a line can pass that
    /// is not a record, and nothing need be parsed.
    #[must_use]
    pub fn asks_for_lines(&self) -> bool {
        let on_line = |condition: &Condition| condition.place == Place::Line;
        !self.nodes.is_empty() && !self.needs_time() && self.conditions().all(on_line)
    }

    /// Whether a condition looks at what is wrong with a line.
    #[must_use]
    pub fn asks_for_errors(&self) -> bool {
        self.conditions().any(|condition| condition.place == Place::Error)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.nodes.iter().flat_map(Node::leaves)
    }

    /// The fields that are looked at.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.conditions().filter_map(|condition| match &condition.place {
            Place::Field(name) => Some(name.as_str()),
            Place::Line | Place::Error => None,
        })
    }

    /// Literals: a line that can pass has one of them. They are for a search over raw bytes before
    /// anything is parsed.
    #[must_use]
    pub fn literals(&self) -> Option<Literals<'_>> {
        let mut found = literals::of_all(&self.nodes)?;
        found.decide &= self.nodes.len() == 1 && !self.needs_time();
        Some(found)
    }

    /// The filter, ready for the records of one file.
    #[must_use]
    pub fn bind(&self, fields: &mut Fields) -> Bound {
        let mut bind =
            |condition: &Condition| BoundCondition::new(condition, &mut |name| fields.add(name));
        let nodes = self.nodes.iter().map(|node| node.map(&mut bind)).collect();
        Bound { nodes, times: self.times }
    }
}
