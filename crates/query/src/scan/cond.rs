//! Conditions that are decided on a line's bytes, before anything of it becomes a column.
//!
//! Each gives exactly what SQL would give on the column's value, so that the engine need not look
//! again. What is null passes no test but [`Test::Null`]; conditions are only joined by AND and
//! OR, under which "unknown" may stand for "false".

use std::borrow::Cow;
use std::cmp::Ordering;

use cutwater_logs::record::{Record, Span, SpanKind};
use cutwater_logs::time::Clock;
use cutwater_logs::{FieldId, value};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::values;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// What is asked of one value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Null(bool),
    Bool(bool),
    Integer(Compare, i64),
    Float(Compare, f64),
    Time(Compare, i64),
    Text(Compare, String),
    /// Contains this, or with `false` does not.
    Contains(Box<Finder<'static>>, bool),
    Prefix(String, bool),
    Suffix(String, bool),
    Matches(Regex, bool),
}

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The field of this column.
    Column(usize),
    /// The whole line.
    Raw,
    /// What is wrong with the line; null in a record.
    Error,
}

/// A condition on a line.
#[derive(Debug, Clone)]
pub(crate) enum Cond {
    All(Vec<Self>),
    Any(Vec<Self>),
    Test(Place, Test),
}

/// A line that is looked at.
pub(crate) struct Line<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) block: &'a [u8],
    /// Nothing for a bad line.
    pub(crate) record: Option<&'a Record>,
    /// The field of each column.
    pub(crate) ids: &'a [Option<FieldId>],
    /// What is wrong with it.
    pub(crate) error: Option<&'static str>,
}

impl Line<'_> {
    #[inline]
    pub(crate) fn span(&self, column: usize) -> Span {
        let id = self.ids.get(column).copied().flatten();
        id.zip(self.record).map_or_else(Span::default, |(id, record)| record.get(id))
    }
}

impl Cond {
    /// Whether the line meets the condition.
    #[inline]
    pub(crate) fn holds(&self, line: &Line<'_>, clock: &mut Clock) -> bool {
        let asks_nothing = matches!(self, Self::All(conds) if conds.is_empty());
        asks_nothing || self.holds_for(line, clock)
    }

    fn holds_for(&self, line: &Line<'_>, clock: &mut Clock) -> bool {
        match self {
            Self::All(conds) => conds.iter().all(|c| c.holds(line, clock)),
            Self::Any(conds) => conds.iter().any(|c| c.holds(line, clock)),
            Self::Test(Place::Column(column), test) => {
                test.holds(line.span(*column), line.block, clock)
            }
            Self::Test(Place::Raw, test) => {
                let span = Span::new(SpanKind::Str, 0, line.raw.len());
                test.holds(span, line.raw, clock)
            }
            Self::Test(Place::Error, test) => {
                let text = line.error.unwrap_or_default().as_bytes();
                let kind = line.error.map_or(SpanKind::Missing, |_| SpanKind::Str);
                test.holds(Span::new(kind, 0, text.len()), text, clock)
            }
        }
    }

    /// The places that it looks at.
    pub(crate) fn places(&self, found: &mut Vec<Place>) {
        match self {
            Self::All(conds) | Self::Any(conds) => conds.iter().for_each(|c| c.places(found)),
            Self::Test(place, _) => found.push(*place),
        }
    }

    /// The longest text without which no line meets the condition, and whether it must stand in
    /// the line byte for byte.
    pub(crate) fn needle(&self) -> Option<(&[u8], bool)> {
        match self {
            Self::All(conds) => {
                conds.iter().filter_map(Self::needle).max_by_key(|(text, _)| text.len())
            }
            Self::Any(_) | Self::Test(Place::Error, _) => None,
            Self::Test(place, test) => {
                let text = match test {
                    Test::Text(Compare::Equal, text)
                    | Test::Prefix(text, true)
                    | Test::Suffix(text, true) => text.as_bytes(),
                    Test::Contains(finder, true) => finder.needle(),
                    _ => return None,
                };
                let usable = !text.is_empty() && !text.contains(&b'\n');
                usable.then_some((text, *place == Place::Raw))
            }
        }
    }
}

impl Test {
    fn holds(&self, span: Span, block: &[u8], clock: &mut Clock) -> bool {
        match self {
            Self::Null(wanted) => values::is_null(span) == *wanted,
            Self::Bool(wanted) => values::boolean(span, block) == Some(*wanted),
            Self::Integer(compare, with) => {
                values::integer(span, block).is_some_and(|v| compare.accepts(v.cmp(with)))
            }
            Self::Float(compare, with) => {
                values::double(span, block).is_some_and(|v| compare.accepts(v.total_cmp(with)))
            }
            Self::Time(compare, with) => {
                values::time(span, block, clock).is_some_and(|v| compare.accepts(v.cmp(with)))
            }
            _ => value::text(span, block).is_some_and(|text| self.holds_for(&text)),
        }
    }

    /// Texts are compared as the bytes that the column would have; no text looked for has a
    /// U+FFFD in it, which is what stands for bytes that are not UTF-8.
    fn holds_for(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(Compare::Equal, with) => text == with.as_bytes(),
            Self::Text(Compare::NotEqual, with) => text != with.as_bytes(),
            Self::Text(compare, with) => {
                let text = String::from_utf8_lossy(text);
                compare.accepts(text.as_bytes().cmp(with.as_bytes()))
            }
            Self::Contains(finder, wanted) => finder.find(text).is_some() == *wanted,
            Self::Prefix(with, wanted) => text.starts_with(with.as_bytes()) == *wanted,
            Self::Suffix(with, wanted) => text.ends_with(with.as_bytes()) == *wanted,
            Self::Matches(regex, wanted) => {
                let text: Cow<'_, str> = String::from_utf8_lossy(text);
                regex.is_match(text.as_bytes()) == *wanted
            }
            // The others were decided on the span.
            _ => false,
        }
    }
}
