//! Text with a time near the front, and just lines.

use super::LineParser;
use super::cursor::Slot;
use super::level::{self, Found};
use super::pairs::{self, Keys};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Front, Rules};

/// `[prefix] time [level] message`. The time stands near the front; what is before it and is no level
/// is `prefix`. The message is all that follows, without a level right after the time. Pairs
/// `key=value` in it are fields, too; one that is called like a field of the format stays in the
/// message. A line without a time is a message.
#[derive(Debug)]
pub(super) struct Plain {
    clock: Clock,
    prefix: Slot,
    time: Slot,
    level: Slot,
    message: Slot,
    keys: Keys,
    /// Names that pairs cannot have.
    own: [&'static str; 4],
    /// Whether a pair may be a field.
    with_pairs: bool,
}

/// The name of the time in front of a line.
pub(super) const TIME: &str = "time";

/// Its name where a pair is called `time`.
pub(super) const TIMESTAMP: &str = "timestamp";

impl Plain {
    /// A parser that puts the time in front into the field `time`.
    pub(super) fn new(fields: &mut Fields, rules: &Rules, time: &'static str) -> Self {
        let own = [time, "level", "message", "prefix"];
        let with_pairs = fields.open || fields.names().iter().any(|n| !own.contains(&n.as_str()));
        Self {
            clock: Clock::new(rules.clone()),
            time: Slot::new(fields, time),
            level: Slot::new(fields, "level"),
            message: Slot::new(fields, "message"),
            prefix: if fields.open { Slot::default() } else { Slot::new(fields, "prefix") },
            keys: Keys::default(),
            own,
            with_pairs,
        }
    }

    /// Whether a line begins with a time, in a bracket or not.
    pub(super) fn fits(&mut self, line: &[u8]) -> bool {
        begins_with_time(&mut self.clock, line)
    }

    /// Sets what is before the time, a level or a prefix; whether there was a level.
    fn head(&self, head: &[u8], start: usize, fields: &mut Fields, record: &mut Record) -> bool {
        let level = level::before_time(head);
        if let Some(level) = level {
            self.level.set(record, Span::of_level(level));
        }
        let from = head.iter().position(u8::is_ascii_alphanumeric);
        let to = head.iter().rposition(|b| b.is_ascii_alphanumeric() || b")]>".contains(b));
        if let (Some(from), Some(to)) = (from, to)
            && !(level.is_some() && head[from..=to].iter().all(u8::is_ascii_alphabetic))
        {
            let from = if head[..from].ends_with(b"[") { from - 1 } else { from };
            let slot = if fields.open { Slot::new(fields, "prefix") } else { self.prefix };
            slot.set(record, Span::new(SpanKind::Str, start + from, start + to + 1));
        }
        level.is_some()
    }

    /// The pairs of a message.
    fn pairs(
        &mut self,
        block: &[u8],
        at: (usize, usize),
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let (keys, own) = (&mut self.keys, &self.own);
        let mut expected = 0;
        pairs::in_text(block, at.0, at.1, |key, value| {
            if !own.iter().any(|name| name.as_bytes() == key) {
                keys.slot(&mut expected, key, fields).set(record, value);
            }
        });
    }
}

/// Whether `line` has a time near its front.
pub(super) fn has_time(clock: &mut Clock, line: &[u8]) -> bool {
    clock.find_front(line).is_some()
}

/// Whether `line` begins with a time, in a bracket or not.
pub(super) fn begins_with_time(clock: &mut Clock, line: &[u8]) -> bool {
    clock.find_front(line).is_some_and(|front| front.start <= 1)
}

/// Whether Redis wrote this before a time: the process and its role, `1234:M`, or the process alone
/// in brackets.
fn is_of_redis(head: &[u8]) -> bool {
    let head = head.trim_ascii();
    let bare = head.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(head);
    let digits = bare.iter().take_while(|b| b.is_ascii_digit()).count();
    let alone = bare.len() < head.len() && digits == bare.len();
    digits > 0 && (alone || matches!(&bare[digits..], [b':', b'A'..=b'Z']))
}

impl LineParser for Plain {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let line = &block[start..end];
        let mut message = start;
        if let Some(Front { start: from, end: to, rest, .. }) = self.clock.find_front(line) {
            self.time.set(record, Span::new(SpanKind::Str, start + from, start + to));
            let head = &line[..from];
            let found = from > 0 && self.head(head, start, fields, record);
            message = start + rest;
            if !found && let Some(Found { level, skip }) = level_after(head, &line[rest..]) {
                self.level.set(record, Span::of_level(level));
                message += skip;
            }
        } else if let Some(found) = level::find(line).filter(|found| found.skip > 0) {
            self.level.set(record, Span::of_level(found.level));
        }
        self.message.set(record, Span::new(SpanKind::Str, message, end));
        if self.with_pairs {
            self.pairs(block, (message, end), fields, record);
        }
        Ok(())
    }
}

fn level_after(head: &[u8], rest: &[u8]) -> Option<Found> {
    let mark = if head.is_empty() || !is_of_redis(head) { None } else { level::of_redis(rest) };
    mark.or_else(|| level::find(rest))
}

/// Each line is its message.
#[derive(Debug)]
pub(super) struct Raw {
    message: Slot,
    /// Whether a level is wanted; its field is added with the first line that has one.
    with_level: bool,
    level: Option<Slot>,
}

impl Raw {
    pub(super) fn new(fields: &mut Fields) -> Self {
        let with_level = fields.open || fields.find("level").is_some();
        Self { message: Slot::new(fields, "message"), with_level, level: None }
    }
}

impl LineParser for Raw {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        self.message.set(record, Span::new(SpanKind::Str, start, end));
        if self.with_level
            && let Some(found) = level::at_start(&block[start..end])
        {
            let slot = self.level.get_or_insert_with(|| Slot::new(fields, "level"));
            slot.set(record, Span::of_level(found));
        }
        Ok(())
    }
}
