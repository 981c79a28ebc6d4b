//! Which records are wanted: `status >= 500 and (path ~ "/api/" or not level = info)`.

mod condition;
mod literals;
mod node;
mod parse;
#[cfg(test)]
mod tests;

pub use literals::Literals;

use jiff::tz::TimeZone;

use crate::record::{FieldId, Fields, Record, Span, SpanKind, without_return};
use crate::time::{Clock, Nanos};
use crate::{Result, value};

use condition::Condition;
use node::Node;

/// The name that stands for the whole line, as its raw bytes.
pub const LINE: &str = "_line";

/// What records have to meet.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// All of these must hold.
    nodes: Vec<Node<Condition>>,
    since: Option<Nanos>,
    until: Option<Nanos>,
}

impl Filter {
    /// The deepest that parentheses may be nested in each other.
    pub const DEPTH_MAX: usize = 64;

    /// The most conditions that may be joined.
    pub const CONDITIONS_MAX: usize = 512;

    /// Understands conditions joined by `and` and `or`, of which `and` binds closer, with
    /// `not` in front and in parentheses. A condition is `FIELD OP VALUE`, where OP is `=`,
    /// `!=`, `<`, `<=`, `>`, `>=`, `~` (contains), `!~`, `=~` (matches a regular expression)
    /// or `!=~`; FIELD and VALUE are words or quoted. [`LINE`] is the whole line.
    ///
    /// A record without the field fails each test, so it passes the negated ones. Numbers
    /// are compared as numbers where both sides are, times as times, all else as bytes.
    ///
    /// # Errors
    /// When the text is not of this shape, is nested too deeply or too long, or a regular
    /// expression in it is none; the words point at the place.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self> {
        let nodes = parse::parse(text, zone)?.map_or_else(Vec::new, Node::into_all);
        Ok(Self { nodes, since: None, until: None })
    }

    /// Adds another's conditions.
    pub fn and(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
    }

    /// Keeps to records from `since` on and before `until`.
    pub fn between(&mut self, since: Option<Nanos>, until: Option<Nanos>) {
        self.since = since;
        self.until = until;
    }

    /// Whether every record passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && !self.needs_time()
    }

    /// Whether records are chosen by time.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Whether there are conditions, and all are on the line as a whole: then a line can pass that
    /// is no record, and nothing need be parsed.
    #[must_use]
    pub fn asks_for_lines(&self) -> bool {
        !self.nodes.is_empty() && !self.needs_time() && self.fields().next().is_none()
    }

    /// The fields that are looked at.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let conditions = self.nodes.iter().flat_map(Node::leaves);
        conditions.map(|c| c.field.as_str()).filter(|&f| f != LINE)
    }

    /// Literals of which a line has one if it can pass: for a search over raw bytes before
    /// anything is parsed.
    #[must_use]
    pub fn literals(&self) -> Option<Literals<'_>> {
        let mut found = literals::of_all(&self.nodes)?;
        found.decide &= self.nodes.len() == 1 && !self.needs_time();
        Some(found)
    }

    /// Ready for the records of one file.
    #[must_use]
    pub fn bind(&self, fields: &mut Fields) -> Bound {
        let mut bind = |condition: &Condition| {
            let whole = condition.field == LINE;
            let place =
                if whole { Place::Line } else { Place::Field(fields.add(&condition.field)) };
            Leaf { place, condition: condition.clone() }
        };
        let nodes = self.nodes.iter().map(|node| node.map(&mut bind)).collect();
        Bound { nodes, since: self.since, until: self.until }
    }
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Line,
    Field(Option<FieldId>),
}

/// A condition with its field found.
#[derive(Debug, Clone)]
struct Leaf {
    place: Place,
    condition: Condition,
}

/// A [`Filter`] with its fields found.
#[derive(Debug, Clone)]
pub struct Bound {
    nodes: Vec<Node<Leaf>>,
    since: Option<Nanos>,
    until: Option<Nanos>,
}

impl Bound {
    /// Whether a record passes; `time` where it has one, `clock` for the times of other fields.
    #[inline]
    #[must_use]
    pub fn passes(
        &self,
        block: &[u8],
        line: &[u8],
        record: &Record,
        time: Option<Nanos>,
        clock: &mut Clock,
    ) -> bool {
        let asks_nothing = self.nodes.is_empty() && self.since.is_none() && self.until.is_none();
        asks_nothing
            || (self.in_time(time) && self.passes_tests(Subject { block, line, record }, clock))
    }

    fn passes_tests(&self, subject: Subject<'_>, clock: &mut Clock) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Test(leaf) => leaf.holds(subject, clock),
            joined => holds(joined, subject, clock),
        })
    }

    fn in_time(&self, time: Option<Nanos>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        time.is_some_and(|t| self.since.is_none_or(|s| t >= s) && self.until.is_none_or(|u| t < u))
    }
}

/// What is tested.
#[derive(Clone, Copy)]
struct Subject<'a> {
    block: &'a [u8],
    line: &'a [u8],
    record: &'a Record,
}

/// Whether conditions hold as they are joined. The depth is that of parentheses, which is bounded.
fn holds(node: &Node<Leaf>, subject: Subject<'_>, clock: &mut Clock) -> bool {
    match node {
        Node::Test(leaf) => leaf.holds(subject, clock),
        Node::All(nodes) => nodes.iter().all(|node| holds(node, subject, clock)),
        Node::Any(nodes) => nodes.iter().any(|node| holds(node, subject, clock)),
    }
}

impl Leaf {
    #[inline(always)]
    fn holds(&self, subject: Subject<'_>, clock: &mut Clock) -> bool {
        let (condition, block) = (&self.condition, subject.block);
        let held = match self.place {
            Place::Line => condition.test.holds_for(without_return(subject.line), None, None),
            Place::Field(field) => field.is_some_and(|id| {
                let span = subject.record.get(id);
                value::text(span, block).is_some_and(|text| {
                    let asked = condition.test.number();
                    let number = asked.and_then(|_| number_of(span, block, &text));
                    let time = condition.test.time().and_then(|_| clock.parse(&text));
                    condition.test.holds_for(&text, number, time)
                })
            }),
        };
        held != condition.negated
    }
}

/// The number that a value is, also one whose text has escapes.
#[inline]
fn number_of(span: Span, block: &[u8], text: &[u8]) -> Option<f64> {
    match span.kind {
        SpanKind::Escaped | SpanKind::Quoted => value::parse_number(text),
        _ => value::number(span, block),
    }
}
