//! Lines whose text, within their envelopes, continues the record before: a stack trace that a program
//! wrote line by line, so that each line got an envelope of its own.
//!
//! A line continues the one before where both are of the same container, stream, host and process, and its
//! text is indented or of a known kind of trace. In syslog, whose messages may be indented for other
//! reasons, it must be of a trace, or stand in one.

use super::{Definition, Envelope, EnvelopeKind, Layer};
use crate::format::begin::line_before;
use crate::format::cursor::Cursor;
use crate::format::plain::has_time;
use crate::format::trace::{is_of_crash, is_of_trace};
use crate::format::{Format, is_blank};
use crate::record::{Fields, Record};
use crate::time::{Clock, Rules};

/// Fields of envelopes that differ from line to line of one program.
const OF_LINES: [&str; 4] = ["time", "priority", "flag", "msgid"];

/// Before this offset no text of a line of syslog begins.
const SYSLOG_HEAD: usize = 15;

/// How many lines before an indented line of syslog are looked at for the trace that it stands in.
const LINES_BACK_MAX: usize = 64;

/// The texts of lines in envelopes.
#[derive(Debug)]
pub(in crate::format) struct Continued {
    layers: Vec<Box<dyn Layer>>,
    fields: Fields,
    record: Record,
    /// Whether the innermost envelope is that of syslog.
    is_syslog: bool,
    /// Finds times where the innermost envelope is a time before JSON: lines of text have none.
    clock: Option<Clock>,
    mixed: bool,
}

impl Continued {
    /// Those of `definition`, if its lines have envelopes and are not joined in another way.
    pub(in crate::format) fn of(definition: &Definition, rules: &Rules) -> Option<Self> {
        let kinds: Vec<_> = match definition {
            Definition::Known(Format::Syslog) => vec![EnvelopeKind::Syslog],
            Definition::Known(Format::Syslog5424) => vec![EnvelopeKind::Syslog5424],
            Definition::Wrapped(wrapping) => wrapping.envelopes.iter().map(|e| e.kind).collect(),
            _ => return None,
        };
        let innermost = *kinds.last()?;
        let mut fields = Fields::all();
        let layer =
            |kind: &EnvelopeKind| Envelope::new(*kind, &[], false).layer(&mut fields, rules);
        let layers = kinds.iter().map(layer).collect();
        let is_syslog = matches!(innermost, EnvelopeKind::Syslog | EnvelopeKind::Syslog5424);
        let clock = (innermost == EnvelopeKind::Time).then(|| Clock::new(rules.clone()));
        let mixed = matches!(definition, Definition::Wrapped(wrapping) if wrapping.mixed);
        Some(Self { layers, fields, record: Record::default(), is_syslog, clock, mixed })
    }

    /// Whether `line`, by itself, may continue a record.
    #[inline]
    pub(in crate::format) fn may_continue(&mut self, line: &[u8]) -> bool {
        if self.is_syslog && self.layers.len() == 1 && !may_continue_syslog(line) {
            return self.is_at_column(line);
        }
        let Some(at) = self.inner(line) else { return false };
        is_continuation(&line[at..], self.is_syslog) || self.is_more_text(&line[at..])
    }

    /// Whether `line` is a further line of a message in `journalctl`, which has blanks in place of the
    /// envelope.
    fn is_at_column(&self, line: &[u8]) -> bool {
        let is_blank_head = line.get(..SYSLOG_HEAD).is_some_and(|h| h.iter().all(|&b| b == b' '));
        self.is_syslog && self.layers.len() == 1 && is_blank_head && !is_blank(line)
    }

    /// Whether a text beside JSON, both after times, has no time: it belongs to the text before.
    fn is_more_text(&mut self, text: &[u8]) -> bool {
        let Some(clock) = self.clock.as_mut().filter(|_| self.mixed) else { return false };
        !is_blank(text) && !text.starts_with(b"{") && !is_of_crash(text) && !has_time(clock, text)
    }

    /// Whether the line at `at` of `block`, which may continue a record, continues the one before.
    #[cold]
    pub(in crate::format) fn continues(&mut self, block: &[u8], at: usize) -> bool {
        let line = &block[at..crate::format::feed(block, at)];
        if self.is_at_column(line) {
            return line_before(block, at).is_some();
        }
        let Some(mut inner) = self.inner(line) else { return false };
        let tag = self.tag(line);
        let (mut line, mut at) = (line, at);
        for _ in 0..LINES_BACK_MAX {
            let is_known = !self.is_syslog || is_known_trace(&line[inner..]);
            let Some(before) = line_before(block, at) else { return false };
            let Some(inner_before) = self.inner(before) else { return false };
            if self.tag(before) != tag {
                return false;
            }
            if is_known || begins_trace(&before[inner_before..]) {
                return true;
            }
            if !is_continuation(&before[inner_before..], true) {
                return false;
            }
            at -= before.len() + 1;
            (line, inner) = (before, inner_before);
        }
        false
    }

    /// Where the text of `line` begins.
    fn inner(&mut self, line: &[u8]) -> Option<usize> {
        self.record.clear();
        let mut c = Cursor::new(line, 0, line.len());
        let innermost = self.layers.len() - 1;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let before = c.at;
            if layer.open(&mut c, &mut self.fields, &mut self.record).is_err() {
                return (index == innermost && self.clock.is_some()).then_some(before);
            }
        }
        Some(c.at)
    }

    /// What says which program wrote `line`, which was opened last.
    fn tag(&self, line: &[u8]) -> Vec<u8> {
        let mut tag = Vec::new();
        for (id, span) in self.record.present() {
            if !OF_LINES.contains(&self.fields.name(id)) {
                tag.extend_from_slice(span.bytes(line));
                tag.push(0);
            }
        }
        tag
    }
}

/// Whether a line of a copy of joined pieces, which begins with three words, may continue a record.
pub(in crate::format) fn continues_in_copy(line: &[u8]) -> bool {
    let inner = memchr::memchr_iter(b' ', line).nth(2).map(|at| at + 1);
    inner.is_some_and(|at| is_continuation(&line[at..], false))
}

/// Whether the text of a line in an envelope may continue a record.
pub(super) fn is_continuation(inner: &[u8], is_syslog: bool) -> bool {
    let text = inner.trim_ascii_start();
    let indented = text.len() < inner.len();
    // One blank more may be the collector's.
    let enough = !is_syslog || inner.starts_with(b"\t") || inner.starts_with(b"  ");
    !is_blank(inner)
        && !text.starts_with(b"{\"")
        && (indented && enough || !indented && is_of_trace(inner) && !is_of_crash(inner))
}

/// Whether a text is of a known kind of trace, whatever is around it.
fn is_known_trace(inner: &[u8]) -> bool {
    const INDENTED: [&[u8]; 6] =
        [b"at ", b"File \"", b"... ", b"Caused by: ", b"Suppressed: ", b"from "];
    const OTHERS: [&[u8]; 5] = [
        b"Caused by: ",
        b"Suppressed: ",
        b"During handling of the above exception",
        b"The above exception was the direct cause",
        b"Traceback (most recent call last)",
    ];
    let text = inner.trim_ascii_start();
    let starts: &[&[u8]] = if text.len() < inner.len() { &INDENTED } else { &OTHERS };
    starts.iter().any(|start| text.starts_with(start))
}

/// Whether a trace begins with a text that itself is not part of the one before.
fn begins_trace(inner: &[u8]) -> bool {
    is_known_trace(inner) || is_of_crash(inner)
}

/// Whether a line of syslog has a text that may continue a record, by a quick look.
#[inline]
fn may_continue_syslog(line: &[u8]) -> bool {
    let Some(after) = line.get(SYSLOG_HEAD..) else { return false };
    let mut colons = memchr::memchr_iter(b':', &after[..after.len().min(192)]);
    let Some(colon) = colons.find(|at| after.get(at + 1) == Some(&b' ')) else {
        // RFC 5424 has no colon before its text.
        return line.starts_with(b"<");
    };
    match after.get(colon + 2) {
        None => false,
        Some(b' ' | b'\t') => true,
        Some(_) if line.starts_with(b"<") => true,
        Some(_) => is_of_trace(&after[colon + 2..]),
    }
}
