//! Apache's error log: `[time] [level] message`, and since 2.4
//! `[time] [module:level] [pid N:tid N] [client IP:port] message`.

use super::LineParser;
use super::cursor::{Cursor, Slot, Step, classify};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

#[derive(Debug)]
pub(super) struct ApacheError {
    time: Slot,
    level: Slot,
    message: Slot,
}

impl ApacheError {
    pub(super) fn new(fields: &mut Fields) -> Self {
        Self {
            time: Slot::new(fields, "time"),
            level: Slot::new(fields, "level"),
            message: Slot::new(fields, "message"),
        }
    }

    fn level(&self, span: Span, block: &[u8], fields: &mut Fields, record: &mut Record) {
        let Some(colon) = span.bytes(block).iter().position(|&b| b == b':') else {
            return self.level.set(record, span);
        };
        let middle = span.start + colon as u32;
        if colon > 0 {
            Slot::new(fields, "module").set(record, Span { end: middle, ..span });
        }
        self.level.set(record, Span { start: middle + 1, ..span });
    }
}

/// A `[...]` further to the left: who and where.
fn place(span: Span, block: &[u8], fields: &mut Fields, record: &mut Record) -> Step<()> {
    let bytes = span.bytes(block);
    let part = |from: usize, to: usize| {
        let start = span.start as usize;
        classify(Span::new(SpanKind::Str, start + from, start + to), block)
    };
    if bytes.starts_with(b"client ") {
        Slot::new(fields, "client").set(record, part(7, bytes.len()));
        return Ok(());
    }
    if !bytes.starts_with(b"pid ") {
        return Err(Reason::NoMatch);
    }
    let colon = bytes.iter().position(|&b| b == b':');
    Slot::new(fields, "pid").set(record, part(4, colon.unwrap_or(bytes.len())));
    if let Some(colon) = colon.filter(|&at| bytes[at..].starts_with(b":tid ")) {
        Slot::new(fields, "tid").set(record, part(colon + 5, bytes.len()));
    }
    Ok(())
}

impl LineParser for ApacheError {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        c.expect(b'[')?;
        // The shortest time is longer than a level, and every time begins with its weekday.
        let time = c.until(b']')?;
        if time.end - time.start < 20 || !time.bytes(block)[0].is_ascii_uppercase() {
            return Err(Reason::NoMatch);
        }
        self.time.set(record, time);
        c.expect(b' ')?;
        c.expect(b'[')?;
        let level = c.until(b']')?;
        self.level(level, block, fields, record);
        c.skip_spaces();
        while c.peek() == Some(b'[') {
            let before = c.at;
            c.at += 1;
            let Ok(span) = c.until(b']') else { break };
            if place(span, block, fields, record).is_err() {
                c.at = before;
                break;
            }
            c.skip_spaces();
        }
        self.message.set(record, c.remainder());
        Ok(())
    }
}
