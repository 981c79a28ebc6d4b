//! Ranges of time, and the one that conditions leave.

use super::compare::Compare;
use super::condition::{Condition, Outcome, Place};
use super::node::Node;
use super::test::Test;
use crate::time::Nanos;

/// The times from one on and before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time in it; `None` if unbounded.
    pub since: Option<Nanos>,
    /// The first time after it; `None` if unbounded.
    pub until: Option<Nanos>,
}

impl TimeRange {
    /// Whether it has no bound.
    #[inline]
    #[must_use]
    pub fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether `time` is in it; no time is only in a range without bounds.
    #[inline]
    pub(super) fn contains(self, time: Option<Nanos>) -> bool {
        self.is_open()
            || time.is_some_and(|t| {
                self.since.is_none_or(|s| t >= s) && self.until.is_none_or(|u| t < u)
            })
    }

    /// Narrows the range to what the conditions on the field `time` leave; all of them must hold.
    pub(super) fn narrow(&mut self, nodes: &[Node<Condition>], time: &str) {
        for node in nodes {
            match node {
                Node::All(nodes) => self.narrow(nodes, time),
                Node::Test(Condition {
                    place: Place::Field(field),
                    test: Test::Time(compare, at),
                    wanted: Outcome::True,
                }) if field == time => self.keep(*compare, *at),
                Node::Any(_) | Node::Test(_) => {}
            }
        }
    }

    fn keep(&mut self, compare: Compare, at: Nanos) {
        let after = at.saturating_add(1);
        match compare {
            Compare::Equal => self.bound(Some(at), Some(after)),
            Compare::Less => self.bound(None, Some(at)),
            Compare::LessOrEqual => self.bound(None, Some(after)),
            Compare::Greater => self.bound(Some(after), None),
            Compare::GreaterOrEqual => self.bound(Some(at), None),
            Compare::NotEqual => {}
        }
    }

    fn bound(&mut self, since: Option<Nanos>, until: Option<Nanos>) {
        self.since = self.since.max(since);
        self.until = match (self.until, until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn only_what_every_line_must_meet_narrows_the_range() {
        let test = |compare, at| {
            Node::Test(Condition::new(Place::Field("ts".into()), Test::Time(compare, at)))
        };
        let both = vec![
            test(Compare::Greater, 10),
            test(Compare::Less, 50),
            test(Compare::LessOrEqual, 40),
            test(Compare::NotEqual, 20),
            Node::Any(vec![test(Compare::Less, 15), test(Compare::Greater, 30)]),
        ];
        let range = Filter::all(both.clone()).time_range("ts");
        assert_eq!(range, TimeRange { since: Some(11), until: Some(41) });
        assert!(Filter::all(both.clone()).time_range("other").is_open());
        assert!(Filter::all(vec![Node::any(both)]).time_range("ts").is_open());
    }
}
