//! Time predicates as byte ranges of sorted logs.

use std::ops::Range;

use cutwater_logs::scan::Log;
use cutwater_logs::seek::seek;
use cutwater_logs::time::Nanos;

use super::cond::{Compare, Cond, Place, Test};

/// Smaller logs are read whole: to seek takes about as long.
const SEEK_BYTES_MIN: u64 = 1 << 20;

/// From which time on, and before which, every line is that meets the condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: Option<Nanos>,
    pub(crate) until: Option<Nanos>,
}

impl Span {
    /// The bounds that `cond` puts on the column `time`.
    pub(crate) fn of(cond: &Cond, time: usize) -> Self {
        let mut span = Self::default();
        span.narrow(cond, time);
        span
    }

    fn narrow(&mut self, cond: &Cond, time: usize) {
        match cond {
            Cond::All(conds) => conds.iter().for_each(|c| self.narrow(c, time)),
            Cond::Test(Place::Column(at), Test::Time(compare, when)) if *at == time => {
                let after = when.saturating_add(1);
                match compare {
                    Compare::Equal => self.bound(Some(*when), Some(after)),
                    Compare::Less => self.bound(None, Some(*when)),
                    Compare::LessOrEqual => self.bound(None, Some(after)),
                    Compare::Greater => self.bound(Some(after), None),
                    Compare::GreaterOrEqual => self.bound(Some(*when), None),
                    Compare::NotEqual => {}
                }
            }
            Cond::Any(_) | Cond::Test(..) => {}
        }
    }

    fn bound(&mut self, since: Option<Nanos>, until: Option<Nanos>) {
        self.since = self.since.max(since);
        self.until = match (self.until, until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    pub(crate) fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// What a log's part in a query is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The bytes to read; all where there is nothing.
    pub(crate) ranges: Vec<Option<Range<u64>>>,
    /// Pages read to find them.
    pub(crate) pages_touched: u64,
    /// Logs found not to be sorted.
    pub(crate) unsorted: usize,
}

/// Finds where in each log the lines of `span` are.
///
/// # Errors
/// When a log cannot be read.
pub(crate) fn find(logs: &[Log], span: Span) -> cutwater_logs::Result<Found> {
    let mut found = Found::default();
    for log in logs {
        let range = if span.is_open() || log.input.size() < SEEK_BYTES_MIN {
            None
        } else {
            seek(log, span.since, span.until)?
        };
        if let Some(range) = &range {
            found.pages_touched += range.pages_touched;
            found.unsorted += usize::from(!range.sorted);
        }
        found.ranges.push(range.filter(|f| f.sorted).map(|f| f.range));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_line_must_meet_narrows_the_span() {
        let test = |compare, at| Cond::Test(Place::Column(3), Test::Time(compare, at));
        let both = vec![
            test(Compare::Greater, 10),
            test(Compare::Less, 50),
            test(Compare::LessOrEqual, 40),
            test(Compare::NotEqual, 20),
            Cond::Any(vec![test(Compare::Less, 15), test(Compare::Greater, 30)]),
        ];
        let span = Span::of(&Cond::All(both.clone()), 3);
        assert_eq!(span, Span { since: Some(11), until: Some(41) });
        assert!(Span::of(&Cond::All(both.clone()), 2).is_open());
        assert!(Span::of(&Cond::Any(both), 3).is_open());
    }
}
