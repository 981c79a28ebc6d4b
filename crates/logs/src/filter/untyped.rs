//! Comparisons with a word of no declared type.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare::Compare;
use crate::record::Span;
use crate::time::{Clock, Nanos, Rules, parse_when, time_of_day};
use crate::value::{self, Quantity, Unit};

/// A word to compare values with. It is compared as a number, a duration, a size or a time if the
/// value is of that kind, too, and as bytes if the word has no such kind.
#[derive(Debug, Clone)]
pub struct Untyped {
    pub(super) bytes: Vec<u8>,
    pub(super) number: Option<f64>,
    pub(super) quantity: Option<Quantity>,
    pub(super) time: Option<Nanos>,
}

impl Untyped {
    /// A word for values that are bytes and nothing else.
    pub(super) fn bytes(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), number: None, quantity: None, time: None }
    }

    /// A word for `compare`; times without a zone are in `zone`, and times of day on the day of `day`.
    pub(super) fn new(compare: Compare, text: &str, zone: &TimeZone, day: Timestamp) -> Self {
        let word = Self::bytes(text);
        if let Some(number) = value::parse_number(&word.bytes) {
            return Self { number: Some(number), ..word };
        }
        let now = Timestamp::now();
        let time = if compare == Compare::Equal {
            // With `=`, a word like "now" is meant as a word, and only a stamp as a time.
            let rules = Rules::new(zone.clone(), now.as_second());
            Clock::new(rules).parse(&word.bytes)
        } else if time_of_day(text).is_some() {
            parse_when(text, zone, day).ok()
        } else {
            parse_when(text, zone, now).ok()
        };
        Self { quantity: value::parse_quantity(&word.bytes), time, ..word }
    }

    /// Whether it is compared as bytes only.
    pub(super) fn is_word(&self) -> bool {
        self.number.is_none() && self.quantity.is_none() && self.time.is_none()
    }

    /// What a value has to be to be compared with this word, in words.
    pub(super) fn wanted(&self) -> &'static str {
        match (self.number, self.quantity, self.time) {
            (Some(_), _, _) => "a number",
            (_, Some(Quantity { unit: Unit::Size, .. }), _) => "a size",
            (_, Some(_), _) => "a duration",
            _ => "a time",
        }
    }

    /// The outcome; `None` where there is no value, or one that has no order with this word.
    #[inline]
    pub(super) fn outcome(
        &self,
        compare: Compare,
        span: Span,
        block: &[u8],
        clock: &mut Clock,
    ) -> Option<bool> {
        let text = value::text(span, block)?;
        let number = self.number.and_then(|with| Some((value::number(span, block)?, with)));
        if let Some((number, with)) = number {
            let order = value::order((number, &text), (with, &self.bytes));
            return Some(compare.accepts(order));
        }
        if self.is_word() {
            return Some(compare.accepts_bytes(&text, &self.bytes));
        }
        if let Some((amount, with)) = self.amounts(span, block, &text) {
            return Some(compare.accepts(amount.total_cmp(&with)));
        }
        let time = self.time.and_then(|with| Some((value::time(span, block, clock)?, with)));
        match (time, compare) {
            (Some((time, with)), _) => Some(compare.accepts(time.cmp(&with))),
            (None, Compare::Equal | Compare::NotEqual) => {
                Some(compare.accepts_bytes(&text, &self.bytes))
            }
            (None, _) => None,
        }
    }

    /// The value and this word in one unit. Compared with a size, a bare number is a number of
    /// bytes; compared with a duration, only zero needs no unit.
    fn amounts(&self, span: Span, block: &[u8], text: &[u8]) -> Option<(f64, f64)> {
        let bare = |number: f64, unit| (unit == Unit::Size || number == 0.0).then_some(number);
        if let Some(with) = self.quantity {
            return match value::parse_quantity(text) {
                Some(value) => (value.unit == with.unit).then_some((value.amount, with.amount)),
                None => Some((bare(value::number(span, block)?, with.unit)?, with.amount)),
            };
        }
        let value = value::parse_quantity(text)?;
        Some((value.amount, bare(self.number?, value.unit)?))
    }
}
