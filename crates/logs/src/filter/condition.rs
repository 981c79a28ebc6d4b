//! A condition: a test, the place of its value, and the outcome that is wanted.

use super::LINE;
use super::test::Test;
use crate::misfits::Misfits;
use crate::record::{FieldId, Record, Span, SpanKind, without_return};
use crate::time::Clock;
use crate::value;

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<F = String> {
    /// A field.
    Field(F),
    /// The whole line, as text.
    Line,
    /// The name of what is wrong with the line; null in a record.
    Error,
}

/// Which outcome of its test a condition wants. The test of a value that is missing, null, or not of
/// the type asked for has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    True,
    /// There is a value for which it does not hold: SQL's NOT.
    False,
    /// It does not hold, or there is no such value.
    NotTrue,
}

/// A condition on one value of a line.
#[derive(Debug, Clone)]
pub struct Condition<F = String> {
    /// Where the value is.
    pub place: Place<F>,
    /// The test.
    pub test: Test,
    /// The outcome that is wanted.
    pub wanted: Outcome,
}

/// What is tested.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) block: &'a [u8],
    pub(super) line: &'a [u8],
    pub(super) record: &'a Record,
    /// The name of what is wrong with the line.
    pub(super) error: Option<&'static str>,
}

impl Place {
    /// The place that a name stands for.
    pub(super) fn named(name: String) -> Self {
        if name == LINE { Self::Line } else { Self::Field(name) }
    }
}

impl Condition {
    /// A condition that holds where `test` does.
    #[must_use]
    pub fn new(place: Place, test: Test) -> Self {
        Self { place, test, wanted: Outcome::True }
    }

    /// The same condition with its field found.
    pub(super) fn bind(
        &self,
        field: &mut impl FnMut(&str) -> Option<FieldId>,
    ) -> Condition<Option<FieldId>> {
        let place = match &self.place {
            Place::Field(name) => Place::Field(field(name)),
            Place::Line => Place::Line,
            Place::Error => Place::Error,
        };
        Condition { place, test: self.test.clone(), wanted: self.wanted }
    }
}

/// A condition whose field is found, with the values that it could not test.
#[derive(Debug, Clone)]
pub(super) struct BoundCondition {
    condition: Condition<Option<FieldId>>,
    /// The name of its field.
    name: String,
    misfits: Misfits,
}

impl BoundCondition {
    /// Finds the field of `condition`.
    pub(super) fn new(
        condition: &Condition,
        field: &mut impl FnMut(&str) -> Option<FieldId>,
    ) -> Self {
        let name = match &condition.place {
            Place::Field(name) => name.clone(),
            Place::Line | Place::Error => String::new(),
        };
        Self { condition: condition.bind(field), name, misfits: Misfits::default() }
    }

    #[inline(always)]
    pub(super) fn holds(&mut self, subject: Subject<'_>, clock: &mut Clock) -> bool {
        let Condition { place, test, wanted } = &self.condition;
        let outcome = self.condition.outcome(subject, clock);
        // A record that passes because there is no outcome is not left out.
        if outcome.is_none()
            && *wanted != Outcome::NotTrue
            && let Place::Field(Some(id)) = *place
        {
            let span = subject.record.get(id);
            if let Some(value) = value::text(span, subject.block) {
                self.misfits.add(&self.name, test.wanted(), &value);
            }
        }
        wanted.is_met(outcome)
    }

    /// The values that were left out since the last call.
    pub(super) fn take_misfits(&mut self) -> Misfits {
        std::mem::take(&mut self.misfits)
    }
}

impl Outcome {
    #[inline(always)]
    fn is_met(self, outcome: Option<bool>) -> bool {
        match self {
            Self::True => outcome == Some(true),
            Self::False => outcome == Some(false),
            Self::NotTrue => outcome != Some(true),
        }
    }
}

impl Condition<Option<FieldId>> {
    #[inline(always)]
    fn outcome(&self, subject: Subject<'_>, clock: &mut Clock) -> Option<bool> {
        match self.place {
            Place::Field(id) => {
                let span = id.map_or_else(Span::default, |id| subject.record.get(id));
                self.test.outcome(span, subject.block, clock)
            }
            Place::Line => {
                let line = without_return(subject.line);
                self.test.outcome(Span::new(SpanKind::Str, 0, line.len()), line, clock)
            }
            Place::Error => {
                let kind = subject.error.map_or(SpanKind::Missing, |_| SpanKind::Str);
                let text = subject.error.unwrap_or_default().as_bytes();
                self.test.outcome(Span::new(kind, 0, text.len()), text, clock)
            }
        }
    }
}
