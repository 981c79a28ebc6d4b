//! Text with a time in front, and just lines.

use super::LineParser;
use super::cursor::{Cursor, Slot};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules};

/// `time [level] message`. A line without a time is a message of its own: it continues
/// the message before, like a stack trace.
#[derive(Debug)]
pub(super) struct Plain {
    clock: Clock,
    time: Slot,
    level: Slot,
    message: Slot,
}

impl Plain {
    pub(super) fn new(fields: &mut Fields) -> Self {
        Self {
            clock: Clock::new(Rules::default()),
            time: Slot::new(fields, "time"),
            level: Slot::new(fields, "level"),
            message: Slot::new(fields, "message"),
        }
    }

    /// The time in front, in brackets or not.
    fn time(&mut self, c: &mut Cursor<'_>) -> Option<Span> {
        let bracket = usize::from(c.peek() == Some(b'['));
        let text = &c.rest()[bracket..];
        let (_, length) = self.clock.parse_prefix(&text[..text.len().min(64)])?;
        let start = c.at + bracket;
        c.at = start + length;
        if bracket == 1 {
            c.expect(b']').ok()?;
        }
        c.skip_spaces();
        Some(Span::new(SpanKind::Str, start, start + length))
    }
}

/// Whether `line` has a time in front.
pub(super) fn has_time(clock: &mut Clock, line: &[u8]) -> bool {
    let text = &line[usize::from(line.first() == Some(&b'['))..];
    clock.parse_prefix(&text[..text.len().min(64)]).is_some()
}

/// Whether `word` is a usual name of a level.
pub(super) fn is_level(word: &str) -> bool {
    const LEVELS: [&str; 16] = [
        "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "FATAL", "CRITICAL",
        "CRIT", "ALERT", "EMERG", "PANIC", "SEVERE", "VERBOSE",
    ];
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

/// The level that `text` begins with, in brackets or not: where it is, and what to skip.
fn level(text: &[u8]) -> Option<(usize, usize, usize)> {
    let open = usize::from(text.first() == Some(&b'['));
    let length = text[open..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = std::str::from_utf8(&text[open..open + length]).ok()?;
    let known = is_level(word);
    let after = open + length;
    let close = usize::from(matches!(text.get(after), Some(b']' | b':')));
    (known && (open == 0 || close == 1)).then_some((open, after, after + close))
}

impl LineParser for Plain {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        _: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        match self.time(&mut c) {
            Some(time) => {
                self.time.set(record, time);
                if let Some((from, to, skip)) = level(c.rest()) {
                    self.level.set(record, Span::new(SpanKind::Str, c.at + from, c.at + to));
                    c.at += skip;
                    c.skip_spaces();
                }
            }
            None => c.at = start,
        }
        self.message.set(record, c.remainder());
        Ok(())
    }
}

/// Each line is its message.
#[derive(Debug)]
pub(super) struct Raw {
    message: Slot,
}

impl Raw {
    pub(super) fn new(fields: &mut Fields) -> Self {
        Self { message: Slot::new(fields, "message") }
    }
}

impl LineParser for Raw {
    fn parse(
        &mut self,
        _: &[u8],
        start: usize,
        end: usize,
        _: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        self.message.set(record, Span::new(SpanKind::Str, start, end));
        Ok(())
    }
}
