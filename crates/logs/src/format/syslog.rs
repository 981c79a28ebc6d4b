//! syslog: RFC 3164 as it is found in files, and RFC 5424.

use super::LineParser;
use super::cursor::{Cursor, Slot, Step, classify};
use super::structured::Parameters;
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// `<PRI>Mon dd hh:mm:ss host app[pid]: message`; the priority may be missing (files have
/// none), the time may be RFC 3339, and so may app and pid.
#[derive(Debug)]
pub(super) struct Rfc3164 {
    time: Slot,
    host: Slot,
    app: Slot,
    pid: Slot,
    message: Slot,
}

impl Rfc3164 {
    pub(super) fn new(fields: &mut Fields) -> Self {
        let mut slot = |name| Slot::new(fields, name);
        Self {
            time: slot("time"),
            host: slot("host"),
            app: slot("app"),
            pid: slot("pid"),
            message: slot("message"),
        }
    }

    /// `app[pid]: `, where what follows the host is one. An app's name has no space in it.
    fn tag(&self, c: &mut Cursor<'_>, record: &mut Record) {
        let rest = c.rest();
        let Some(colon) = rest.iter().position(|&b| b == b':' || b == b' ') else { return };
        let ends = matches!(rest.get(colon + 1), Some(b' ') | None);
        if rest[colon] != b':' || !ends || colon == 0 {
            return;
        }
        let start = c.at;
        let app_end = match (rest[..colon].iter().rposition(|&b| b == b'['), rest[colon - 1]) {
            (Some(bracket), b']') if bracket > 0 => {
                let pid = Span::new(SpanKind::Str, start + bracket + 1, start + colon - 1);
                self.pid.set(record, classify(pid, c.block));
                bracket
            }
            _ => colon,
        };
        self.app.set(record, Span::new(SpanKind::Str, start, start + app_end));
        c.at = (start + colon + 2).min(c.end);
    }
}

impl LineParser for Rfc3164 {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        if c.peek() == Some(b'<') {
            let priority = priority(&mut c)?;
            Slot::new(fields, "priority").set(record, priority);
        }
        let time = if c.peek().is_some_and(|b| b.is_ascii_digit()) {
            let time = c.token()?;
            if !time.bytes(block).contains(&b'T') {
                return Err(Reason::NoMatch);
            }
            time
        } else {
            stamp(&mut c)?
        };
        self.time.set(record, time);
        self.host.set(record, c.token()?);
        self.tag(&mut c, record);
        self.message.set(record, c.remainder());
        Ok(())
    }
}

/// `Jun 14 15:16:01`, by its shape: the names and numbers are the clock's to judge.
fn stamp(c: &mut Cursor<'_>) -> Step<Span> {
    let text = c.rest().get(..16).ok_or(Reason::NoMatch)?;
    let shape = text[0].is_ascii_uppercase()
        && [text[3], text[6], text[15]] == [b' '; 3]
        && [text[9], text[12]] == [b':'; 2];
    if !shape {
        return Err(Reason::NoMatch);
    }
    let span = Span::new(SpanKind::Str, c.at, c.at + 15);
    c.at += 16;
    Ok(span)
}

/// `<0>` to `<191>`.
fn priority(c: &mut Cursor<'_>) -> Step<Span> {
    c.expect(b'<')?;
    let span = classify(c.until(b'>')?, c.block);
    let digits = span.bytes(c.block);
    let value = std::str::from_utf8(digits).ok().and_then(|s| s.parse::<u8>().ok());
    match value {
        Some(0..=191) if span.kind == SpanKind::Int => Ok(span),
        _ => Err(Reason::NoMatch),
    }
}

/// `<PRI>1 time host app procid msgid [structured data] message`.
#[derive(Debug)]
pub(super) struct Rfc5424 {
    priority: Slot,
    time: Slot,
    host: Slot,
    app: Slot,
    pid: Slot,
    msgid: Slot,
    data: Slot,
    message: Slot,
    parameters: Option<Parameters>,
}

impl Rfc5424 {
    pub(super) fn new(fields: &mut Fields) -> Self {
        let parameters = Parameters::new(fields);
        let mut slot = |name| Slot::new(fields, name);
        Self {
            parameters,
            priority: slot("priority"),
            time: slot("time"),
            host: slot("host"),
            app: slot("app"),
            pid: slot("pid"),
            msgid: slot("msgid"),
            data: slot("data"),
            message: slot("message"),
        }
    }
}

/// `-`, or elements in brackets whose values are quoted, with `\"`, `\\` and `\]` escaped.
fn structured_data(c: &mut Cursor<'_>) -> Step<Span> {
    let start = c.at;
    if c.peek() == Some(b'-') {
        c.at += 1;
        return Ok(Span::new(SpanKind::Null, start, c.at));
    }
    while c.peek() == Some(b'[') {
        loop {
            let found = memchr::memchr2(b'"', b']', c.rest()).ok_or(Reason::EndsEarly)?;
            c.at += found;
            if c.peek() == Some(b']') {
                c.at += 1;
                break;
            }
            c.quoted()?;
        }
    }
    if c.at == start { Err(Reason::NoMatch) } else { Ok(Span::new(SpanKind::Str, start, c.at)) }
}

impl LineParser for Rfc5424 {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        self.priority.set(record, priority(&mut c)?);
        c.expect(b'1')?;
        c.expect(b' ')?;
        for slot in [self.time, self.host, self.app, self.pid, self.msgid] {
            slot.set(record, classify(c.token()?, block));
        }
        let data = structured_data(&mut c)?;
        self.data.set(record, data);
        if let Some(parameters) = &mut self.parameters {
            parameters.set(data, block, fields, record);
        }
        if c.peek() == Some(b' ') {
            c.at += 1;
        }
        // A message may begin with a byte order mark.
        if c.rest().starts_with(b"\xef\xbb\xbf") {
            c.at += 3;
        }
        self.message.set(record, c.remainder());
        Ok(())
    }
}
