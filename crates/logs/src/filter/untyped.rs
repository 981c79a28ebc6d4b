//! Comparisons with a word whose type nobody has named.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare::Compare;
use crate::record::Span;
use crate::time::{Clock, Nanos, Rules, parse_when};
use crate::value;

/// A word to compare values with. It is compared as a number or a time where the word and the value
/// are both one, and as bytes otherwise.
#[derive(Debug, Clone)]
pub struct Untyped {
    pub(super) bytes: Vec<u8>,
    number: Option<f64>,
    time: Option<Nanos>,
}

impl Untyped {
    /// A word for values that are bytes and nothing else.
    pub(super) fn bytes(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), number: None, time: None }
    }

    /// A word for `compare`; times without a zone are in `zone`.
    pub(super) fn new(compare: Compare, text: &str, zone: &TimeZone) -> Self {
        let bytes = text.as_bytes().to_vec();
        if let Some(number) = value::parse_number(&bytes) {
            return Self { bytes, number: Some(number), time: None };
        }
        let now = Timestamp::now();
        let time = if compare == Compare::Equal {
            // A word that could be a time, like "now", is a word; a stamp is meant as one.
            let rules = Rules::new(zone.clone(), now.as_second());
            Clock::new(rules).parse(&bytes)
        } else {
            parse_when(text, zone, now).ok()
        };
        Self { bytes, number: None, time }
    }

    /// Whether it is compared as bytes only.
    pub(super) fn is_word(&self) -> bool {
        self.number.is_none() && self.time.is_none()
    }

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
        let time = self.time.and_then(|with| Some((clock.parse(&text)?, with)));
        Some(match time {
            Some((time, with)) => compare.accepts(time.cmp(&with)),
            None => compare.accepts_bytes(&text, &self.bytes),
        })
    }
}
