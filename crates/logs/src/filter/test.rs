//! Tests of one value.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::compare::Compare;
use super::untyped::Untyped;
use crate::record::Span;
use crate::time::{Clock, Nanos};
use crate::value;

/// A test of one value. All but [`Test::Untyped`] read the value as one type, as a column of that type
/// has it, so that an engine need not test again.
#[derive(Debug, Clone)]
pub enum Test {
    /// There is no value.
    Null,
    /// A value of `true` or `false` is this one.
    Bool(bool),
    /// A number compares with this whole number: 12.5 is more than 12, though no column of whole
    /// numbers can hold it.
    Integer(Compare, i64),
    /// A double compares with this one, which is not -0.0.
    Float(Compare, f64),
    /// A number, also in quotes, compares with this one, by all digits of both. The double is the
    /// nearest one to the digits.
    Number(Compare, f64, String),
    /// A time compares with this one.
    Time(Compare, Nanos),
    /// A text compares with this one, which has no U+FFFD: that stands for bytes that are not
    /// UTF-8.
    Text(Compare, String),
    /// A text contains this one, which has no U+FFFD.
    Contains(Box<Finder<'static>>),
    /// A text begins with this one, which has no U+FFFD.
    Prefix(String),
    /// A text ends with this one, which has no U+FFFD.
    Suffix(String),
    /// A text matches. Bytes that are not UTF-8 are U+FFFD first.
    TextMatches(Regex),
    /// The bytes of a text match.
    BytesMatch(Regex),
    /// A value of any type compares with a word.
    Untyped(Compare, Untyped),
}

impl Test {
    /// The test for a text that contains `text`.
    #[must_use]
    pub fn contains(text: &str) -> Self {
        Self::Contains(Box::new(Finder::new(text).into_owned()))
    }

    /// The outcome of the test; `None` where there is no value of its type.
    #[inline]
    pub(super) fn outcome(&self, span: Span, block: &[u8], clock: &mut Clock) -> Option<bool> {
        match self {
            Self::Untyped(compare, with) => with.outcome(*compare, span, block, clock),
            Self::Null => Some(value::is_null(span)),
            Self::Bool(with) => value::boolean(span, block).map(|value| value == *with),
            Self::Integer(compare, with) => match value::integer(span, block) {
                Some(value) => Some(compare.accepts(value.cmp(with))),
                None => number_outcome(*compare, span, block, *with),
            },
            Self::Number(compare, with, digits) => {
                exact_outcome(*compare, span, block, (*with, digits.as_bytes()))
            }
            Self::Float(compare, with) => {
                value::number(span, block).map(|value| compare.accepts(value.total_cmp(with)))
            }
            Self::Time(compare, with) => {
                value::known_time(span, block, clock).map(|value| compare.accepts(value.cmp(with)))
            }
            _ => value::text(span, block).map(|text| self.holds_for_text(&text)),
        }
    }

    /// What a value has to be for this test to have an outcome, in words.
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Self::Untyped(_, with) => with.wanted(),
            Self::Bool(_) => "true or false",
            Self::Integer(..) | Self::Float(..) | Self::Number(..) => "a number",
            Self::Time(..) => "a time",
            _ => "a text",
        }
    }

    /// Whether a test of texts holds for this one, as bytes of the line.
    fn holds_for_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(compare @ (Compare::Equal | Compare::NotEqual), with) => {
                compare.accepts_bytes(text, with.as_bytes())
            }
            Self::Text(compare, with) => {
                let text = String::from_utf8_lossy(text);
                compare.accepts_bytes(text.as_bytes(), with.as_bytes())
            }
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Prefix(with) => text.starts_with(with.as_bytes()),
            Self::Suffix(with) => text.ends_with(with.as_bytes()),
            Self::TextMatches(regex) => regex.is_match(String::from_utf8_lossy(text).as_bytes()),
            Self::BytesMatch(regex) => regex.is_match(text),
            // The others are decided on the span.
            Self::Null
            | Self::Bool(_)
            | Self::Integer(..)
            | Self::Float(..)
            | Self::Number(..)
            | Self::Time(..)
            | Self::Untyped(..) => false,
        }
    }
}

/// How a number that is not a 64-bit integer compares with one.
#[cold]
fn number_outcome(compare: Compare, span: Span, block: &[u8], with: i64) -> Option<bool> {
    exact_outcome(compare, span, block, (with as f64, with.to_string().as_bytes()))
}

fn exact_outcome(compare: Compare, span: Span, block: &[u8], with: (f64, &[u8])) -> Option<bool> {
    let number = value::number(span, block)?;
    let text = value::text(span, block)?;
    Some(compare.accepts(value::order((number, &text), with)))
}
