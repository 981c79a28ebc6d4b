//! A comparison of a field with a value.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use memchr::memmem;
use regex::bytes::Regex;

use crate::time::{Clock, Nanos, Rules, parse_when};
use crate::value;

#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) test: Test,
    /// Whether the records that fail the test are the ones wanted.
    pub(super) negated: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Equal(Vec<u8>, Option<f64>, Option<Nanos>),
    Order(fn(Ordering) -> bool, Vec<u8>, Option<f64>, Option<Nanos>),
    Contains(Box<memmem::Finder<'static>>),
    Matches(Regex),
}

impl Test {
    /// The test of `operator`, one of the parser's, against `text`.
    pub(super) fn new(operator: &str, text: &str, zone: &TimeZone) -> Result<Self, regex::Error> {
        let number = value::parse_number(text.as_bytes());
        let bytes = text.as_bytes().to_vec();
        let accepts: fn(Ordering) -> bool = match operator {
            "<" => Ordering::is_lt,
            "<=" => Ordering::is_le,
            ">" => Ordering::is_gt,
            ">=" => Ordering::is_ge,
            "~" | "!~" => {
                return Ok(Self::Contains(Box::new(memmem::Finder::new(&bytes).into_owned())));
            }
            "=~" | "!=~" => return Regex::new(text).map(Self::Matches),
            _ => {
                // A word that could be a time, like "now", is a word; a stamp is meant as one.
                let rules = Rules { zone: zone.clone(), reference_s: Timestamp::now().as_second() };
                let stamp = Clock::new(rules).parse(text.as_bytes()).filter(|_| number.is_none());
                return Ok(Self::Equal(bytes, number, stamp));
            }
        };
        let time = parse_when(text, zone, Timestamp::now()).ok().filter(|_| number.is_none());
        Ok(Self::Order(accepts, bytes, number, time))
    }

    #[inline]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Equal(_, number, _) | Self::Order(_, _, number, _) => *number,
            Self::Contains(_) | Self::Matches(_) => None,
        }
    }

    #[inline]
    pub(super) fn time(&self) -> Option<Nanos> {
        match self {
            Self::Equal(_, _, time) | Self::Order(_, _, _, time) => *time,
            Self::Contains(_) | Self::Matches(_) => None,
        }
    }

    /// Whether it holds for a value, which is also a number or a time where it is given.
    #[inline]
    pub(super) fn holds_for(&self, text: &[u8], number: Option<f64>, time: Option<Nanos>) -> bool {
        match self {
            Self::Equal(want, want_number, want_time) => {
                match (number, want_number, time, want_time) {
                    (Some(a), Some(b), ..) => value::order((a, text), (*b, want)).is_eq(),
                    (.., Some(a), Some(b)) => a == *b,
                    _ => text == want,
                }
            }
            Self::Order(accepts, want, want_number, want_time) => {
                let order = match (number, want_number, time, want_time) {
                    (Some(a), Some(b), ..) => Some(value::order((a, text), (*b, want))),
                    (.., Some(a), Some(b)) => Some(a.cmp(b)),
                    _ => Some(text.cmp(want.as_slice())),
                };
                order.is_some_and(accepts)
            }
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}
