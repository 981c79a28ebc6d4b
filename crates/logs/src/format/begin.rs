//! Which lines begin a record, where a record may have several.
//!
//! - Text with times: a line with a time in front begins a record. All others belong to the record before
//!   them: stack traces, SQL, pretty-printed objects.
//! - Formats of one line each (JSON, access logs, syslog and others): every line begins a record, except
//!   one that is indented, or of a known kind of stack trace, and is not a record by itself.
//! - Lines without any format: every line is a record.

use std::sync::Arc;

use super::csv::Csv;
use super::envelope::{self, Continued};
use super::trace::{MAY_CONTINUE, continues, is_of_crash, is_of_trace};
use super::{DataFormat, Definition, Format, Parser, feed, is_blank, plain, zeros};
use crate::record::{Fields, Record, without_return};
use crate::split::kept_lines;
use crate::time::{Clock, Rules};

/// How the lines of a format become records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Every line is a record, or a bad line.
    Never,
    /// Only what looks like a continuation continues a record.
    Strict,
    /// The same, among lines of text: the report of a crash is a record of its own.
    Mixed,
    /// Only what looks like a beginning begins one.
    Loose,
    /// What looks like a continuation within its envelope continues a record.
    Enveloped,
    /// The same, where texts are joined from pieces in a copy.
    Pieces,
}

impl Definition {
    /// How its lines become records.
    pub(crate) fn joining(&self) -> Joining {
        match self {
            Self::Known(Format::Raw) => Joining::Never,
            Self::Known(Format::Plain) | Self::TimeBesidePair(Format::Plain) => Joining::Loose,
            Self::Data(data) => data.format().joining(),
            Self::Known(Format::Syslog | Format::Syslog5424) => Joining::Enveloped,
            Self::Wrapped(wrapping) if wrapping.is_in_pieces() => Joining::Pieces,
            Self::Wrapped(wrapping) if wrapping.is_of_lines() => Joining::Enveloped,
            Self::Wrapped(wrapping) if wrapping.is_mixed() => Joining::Mixed,
            Self::Wrapped(wrapping) if wrapping.envelopes().is_empty() => {
                wrapping.inside().joining()
            }
            _ => Joining::Strict,
        }
    }

    /// Whether records often have several lines, as in text with times.
    #[must_use]
    pub fn joins_lines(&self) -> bool {
        self.joining() == Joining::Loose || matches!(self, Self::Csv(_))
    }
}

/// Finds the lines that begin records.
#[derive(Debug)]
pub(crate) struct Begin(Rule);

#[derive(Debug)]
enum Rule {
    /// No record has more lines than one.
    Always,
    /// A time in front.
    Time(Box<Clock>),
    /// A pattern of a format, or a time in front: a line of another program is not part of the
    /// record before.
    Pattern(Arc<DataFormat>, Box<Clock>),
    /// A line that parses, or does not look like a continuation, begins a record.
    Parses(Box<Strict>),
    /// A line whose text does not continue that of the line before, within their envelopes.
    Enveloped(Box<Continued>),
    /// The same, in lines of a copy that begin with three words.
    Pieces,
    /// Quotes say where a record of separated values ends. A line that is one by itself begins one.
    Csv(Box<Csv>),
}

#[derive(Debug)]
struct Strict {
    parser: Parser,
    fields: Fields,
    record: Record,
    mixed: bool,
}

impl Begin {
    /// The rule of `definition`.
    pub(crate) fn new(definition: &Definition, rules: &Rules) -> Self {
        if let Definition::Wrapped(wrapping) = definition
            && wrapping.envelopes().is_empty()
            && !wrapping.is_mixed()
        {
            return Self::new(wrapping.inside(), rules);
        }
        if let Definition::Csv(dialect) = definition {
            return Self(Rule::Csv(Box::new(Csv::new(dialect, &mut Fields::only::<&str>(&[])))));
        }
        Self(match definition.joining() {
            Joining::Never => Rule::Always,
            Joining::Pieces => Rule::Pieces,
            Joining::Enveloped => Continued::of(definition, rules)
                .map_or(Rule::Always, |rule| Rule::Enveloped(Box::new(rule))),
            Joining::Loose => match definition {
                Definition::Data(data) => {
                    let clock = Box::new(Clock::new(rules.clone()));
                    Rule::Pattern(Arc::clone(data.format()), clock)
                }
                _ => Rule::Time(Box::new(Clock::new(rules.clone()))),
            },
            joining => {
                let mut fields = Fields::only::<&str>(&[]);
                let parser = match definition {
                    // A parser of both would take any text for a record.
                    Definition::Wrapped(wrapping) if wrapping.is_mixed() => {
                        wrapping.inside().parser(&mut fields, rules)
                    }
                    other => other.parser(&mut fields, rules),
                };
                let mixed = joining == Joining::Mixed;
                let record = Record::default();
                Rule::Parses(Box::new(Strict { parser, fields, record, mixed }))
            }
        })
    }

    /// Whether a record may have several lines.
    pub(crate) fn joins(&self) -> bool {
        !matches!(self.0, Rule::Always)
    }

    /// Whether the copy of a block has its records whole.
    pub(crate) fn is_in_pieces(&self) -> bool {
        matches!(self.0, Rule::Pieces)
    }

    /// Whether a value in quotation marks may have several lines, which the parser of a line reads.
    pub(crate) fn has_quoted_lines(&self) -> bool {
        matches!(self.0, Rule::Csv(_))
    }

    /// Whether records are known by how they begin, so that a record is parsed with all its lines.
    pub(crate) fn is_loose(&self) -> bool {
        matches!(self.0, Rule::Time(_) | Rule::Pattern(..) | Rule::Enveloped(_))
    }

    /// Whether the record ends with its first line, which ends at `end`, as the next line shows
    /// by its first byte.
    #[inline(always)]
    pub(crate) fn ends_at(&self, block: &[u8], end: usize) -> bool {
        let next = block.get(end + 1);
        let strict = matches!(self.0, Rule::Parses(_));
        next.is_none() || strict && next.is_some_and(|byte| !MAY_CONTINUE[usize::from(*byte)])
    }

    /// Whether the line at `at` begins a record.
    #[inline]
    pub(crate) fn begins_at(&mut self, block: &[u8], at: usize) -> bool {
        match self.0 {
            Rule::Parses(_) if !MAY_CONTINUE[usize::from(block[at])] => return true,
            // Most lines show it before their end is looked for.
            Rule::Time(_) | Rule::Pattern(..) if looks_like_date(&block[at..]) => return true,
            _ => {}
        }
        let line = &block[at..feed(block, at)];
        self.begins(line) || self.begins_again(block, at, line)
    }

    /// Whether `line`, which is at `at`, begins a record because of the line before it. Blocks are not cut
    /// at such lines, so that the line before is there.
    fn begins_again(&mut self, block: &[u8], at: usize, line: &[u8]) -> bool {
        match &mut self.0 {
            Rule::Enveloped(rule) => !is_blank(line) && !rule.continues(block, at),
            Rule::Pattern(format, _) if format.begins_again(without_return(line)) => {
                !line_before(block, at).is_some_and(|before| format.begins(without_return(before)))
            }
            _ => false,
        }
    }

    /// Whether `line`, which has no line feed, begins a record. A blank one does not.
    #[inline]
    pub(crate) fn begins(&mut self, line: &[u8]) -> bool {
        let line = &line[zeros(line)..];
        match &mut self.0 {
            Rule::Always => true,
            Rule::Enveloped(rule) => !is_blank(line) && !rule.may_continue(line),
            Rule::Pieces => !envelope::continues_in_copy(line),
            Rule::Time(clock) => {
                looks_like_date(line) || !is_of_trace(line) && plain::has_time(clock, line)
            }
            Rule::Pattern(format, clock) => {
                looks_like_date(line)
                    || format.begins(without_return(line))
                    || line.starts_with(b"{\"")
                    || plain::begins_with_time(clock, line)
            }
            Rule::Parses(strict) if strict.mixed && is_of_crash(line) => true,
            Rule::Parses(strict) => !continues(line) || strict.parses(line),
            Rule::Csv(csv) => csv.is_record(line),
        }
    }

    /// Where the record ends whose first line ends at `end`: at its last line feed, or the end of
    /// `block`. Blank lines behind it are not part of it.
    #[inline]
    pub(crate) fn record_end(&mut self, block: &[u8], end: usize) -> usize {
        if self.has_quoted_lines() {
            return end;
        }
        let (mut last, mut at) = (end, end + 1);
        while at < block.len() && !self.begins_at(block, at) {
            let line_end = feed(block, at);
            if !is_blank(&block[at..line_end]) {
                last = line_end;
            }
            at = line_end + 1;
        }
        last
    }

    /// Where the record begins that the line at `line` belongs to, not before `from`, which is where a
    /// record begins. `begun` says whether any record begins before `from`.
    pub(crate) fn record_start(
        &mut self,
        block: &[u8],
        from: usize,
        line: usize,
        begun: bool,
    ) -> usize {
        let mut at = line;
        while at > from {
            if self.begins_at(block, at) {
                return at;
            }
            at = memchr::memrchr(b'\n', &block[from..at - 1]).map_or(from, |n| from + n + 1);
        }
        let banner = !begun && !self.begins_at(block, from);
        if banner { line } else { from }
    }
}

/// The line before the one at `at`.
pub(crate) fn line_before(block: &[u8], at: usize) -> Option<&[u8]> {
    let end = at.checked_sub(1)?;
    let start = memchr::memrchr(b'\n', &block[..end]).map_or(0, |feed| feed + 1);
    Some(&block[start..end])
}

/// How much of the record `block[start..end]` is kept: where it ends, and how many lines it has.
pub(crate) fn kept_end(block: &[u8], start: usize, end: usize) -> usize {
    let kept = start + kept_lines(&block[start..end]);
    if kept < end { kept.saturating_sub(1).max(start) } else { end }
}

impl Strict {
    #[cold]
    fn parses(&mut self, line: &[u8]) -> bool {
        self.record.clear();
        self.parser.begin_block(line);
        let (_, parsed) = self.parser.parse(line, 0, &mut self.fields, &mut self.record);
        matches!(parsed, Ok(true))
    }
}

/// Whether `line` begins like `2026-01-02 03:`, whether or not that date exists.
#[inline]
fn looks_like_date(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"[").unwrap_or(line);
    let Some(&[a, b, c, d, first, e, f, second, g, h, gap, i, j, colon]) = line.first_chunk()
    else {
        return false;
    };
    // Most lines that have no date differ in the first byte.
    a.is_ascii_digit()
        && [b, c, d, e, f, g, h, i, j].iter().all(u8::is_ascii_digit)
        && [first, second].iter().all(|b| matches!(b, b'-' | b'/'))
        && matches!(gap, b' ' | b'T' | b'_')
        && colon == b':'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(format: Format) -> Begin {
        Begin::new(&Definition::Known(format), &Rules::default())
    }

    #[test]
    fn a_time_begins_a_record_of_text() {
        let mut plain = begin(Format::Plain);
        for line in ["2026-01-02 03:04:05 INFO a", "[2026-01-02T03:04:05Z] b"] {
            assert!(plain.begins(line.as_bytes()), "{line}");
        }
        for line in ["\tat a.b(C.java:1)", "Caused by: x", "}", "", "SELECT 1;", "42 rows"] {
            assert!(!plain.begins(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn only_what_looks_like_a_trace_continues_a_line_of_json() {
        let mut json = begin(Format::Json);
        for line in ["{\"a\":1}", "  {\"a\":1}", "{\"a\":", "text", "panics: 3"] {
            assert!(json.begins(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "  ",
            "\tat a.b(C.java:1)",
            "Caused by: java.io.IOException: x",
            "... 12 more",
            "Traceback (most recent call last):",
            "  File \"a.py\", line 1, in f",
            "ValueError: bad",
            "java.lang.IllegalStateException: y",
            "goroutine 1 [running]:",
            "#0 /srv/a.php(1): f()",
            "   at A.B() in C.cs:line 3",
        ] {
            assert!(!json.begins(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_record_ends_before_the_next_one_and_before_blank_lines() {
        let mut plain = begin(Format::Plain);
        let text = b"2026-01-02 03:04:05 a\n x\n\n y\n\n\n2026-01-02 03:04:06 b\n";
        let first = feed(text, 0);
        assert_eq!(&text[..plain.record_end(text, first)], b"2026-01-02 03:04:05 a\n x\n\n y");
        let at_y = text.iter().position(|&b| b == b'y').unwrap() - 1;
        assert_eq!(plain.record_start(text, 0, at_y, true), 0);
    }
}
