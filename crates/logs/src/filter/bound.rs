//! A filter that is ready for the records of one file.

use super::condition::{BoundCondition, Subject};
use super::node::Node;
use super::times::TimeRange;
use crate::misfits::Misfits;
use crate::record::Record;
use crate::time::{Clock, Nanos};

/// A [`super::Filter`] with its fields found.
#[derive(Debug, Clone)]
pub struct Bound {
    /// All of these must hold.
    pub(super) nodes: Vec<Node<BoundCondition>>,
    pub(super) times: TimeRange,
}

impl Bound {
    /// Whether a record passes; `time` where it has one, `clock` for the times of other fields.
    #[inline]
    #[must_use]
    pub fn passes(
        &mut self,
        block: &[u8],
        line: &[u8],
        record: &Record,
        time: Option<Nanos>,
        clock: &mut Clock,
    ) -> bool {
        let asks_nothing = self.nodes.is_empty() && self.times.is_open();
        let subject = Subject { block, line, record, error: None };
        asks_nothing || (self.times.contains(time) && self.passes_tests(subject, clock))
    }

    /// Whether a line that is not a record passes; `error` names what is wrong with it.
    #[must_use]
    pub fn passes_bad(&mut self, line: &[u8], error: &'static str, clock: &mut Clock) -> bool {
        let record = Record::default();
        let subject = Subject { block: &[], line, record: &record, error: Some(error) };
        self.times.is_open() && self.passes_tests(subject, clock)
    }

    fn passes_tests(&mut self, subject: Subject<'_>, clock: &mut Clock) -> bool {
        self.nodes.iter_mut().all(|node| match node {
            Node::Test(condition) => condition.holds(subject, clock),
            joined => holds(joined, subject, clock),
        })
    }

    /// Adds to `all` the values since the last call that kept their records out because a condition
    /// could not test them.
    pub fn take_misfits(&mut self, all: &mut Misfits) {
        self.nodes.iter_mut().for_each(|node| all.merge(&misfits(node)));
    }
}

/// The values that the conditions of a node could not test. In `All`, the first condition without
/// an outcome is the last one tested; in `Any`, several conditions may count the same value.
fn misfits(node: &mut Node<BoundCondition>) -> Misfits {
    let mut all = Misfits::default();
    match node {
        Node::Test(condition) => all = condition.take_misfits(),
        Node::All(nodes) => nodes.iter_mut().for_each(|node| all.merge(&misfits(node))),
        Node::Any(nodes) => nodes.iter_mut().for_each(|node| all.merge_same(&misfits(node))),
    }
    all
}

/// Whether joined conditions hold. The recursion is as deep as the parentheses, which their parsers
/// bound.
fn holds(node: &mut Node<BoundCondition>, subject: Subject<'_>, clock: &mut Clock) -> bool {
    match node {
        Node::Test(condition) => condition.holds(subject, clock),
        Node::All(nodes) => nodes.iter_mut().all(|node| holds(node, subject, clock)),
        Node::Any(nodes) => nodes.iter_mut().any(|node| holds(node, subject, clock)),
    }
}
