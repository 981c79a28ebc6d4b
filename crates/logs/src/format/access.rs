//! Common and combined access logs.
//!
//! `host ident user [time] "request" status bytes "referer" "user agent"`, with what is
//! usual around it: a virtual host in front, quoted or bare columns at the end (`extra1`, ...).

use super::LineParser;
use super::cursor::{Cursor, Slot, Step, classify};
use super::request::Request;
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// The most columns after the known ones that get a name.
const EXTRAS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Access {
    vhost: &'static str,
    host: Slot,
    ident: Slot,
    user: Slot,
    time: Slot,
    request: Slot,
    parts: Request,
    status: Slot,
    bytes: Slot,
    referer: Option<Slot>,
    agent: Option<Slot>,
    extras: Vec<Slot>,
}

impl Access {
    pub(super) fn new(fields: &mut Fields) -> Self {
        // The order in which the fields are listed.
        let [host, ident, user, time, request] =
            ["host", "ident", "user", "time", "request"].map(|name| Slot::new(fields, name));
        let parts = Request::new(fields);
        let [status, bytes] = ["status", "bytes"].map(|name| Slot::new(fields, name));
        Self {
            vhost: "vhost",
            host,
            ident,
            user,
            time,
            request,
            parts,
            status,
            bytes,
            referer: None,
            agent: None,
            extras: Vec::new(),
        }
    }

    /// What stands before the time: three words, or four with a virtual host. A user's name
    /// may have spaces in it.
    fn who(&self, c: &mut Cursor<'_>, fields: &mut Fields, record: &mut Record) -> Step<()> {
        let bracket = memchr::memmem::find(c.rest(), b" [").ok_or(Reason::NoMatch)?;
        let mut words = Cursor::new(c.block, c.at, c.at + bracket);
        let first = words.token()?;
        let second = words.token()?;
        let third = words.token()?;
        c.at += bracket + 2;
        let user = Span { end: words.end as u32, ..third };
        if words.is_at_end() || !second.bytes(c.block).iter().any(|&b| b == b'.' || b == b':') {
            self.host.set(record, first);
            self.ident.set(record, dash(second, c.block));
            self.user.set(record, dash(user, c.block));
            return Ok(());
        }
        Slot::new(fields, self.vhost).set(record, first);
        self.host.set(record, second);
        self.ident.set(record, dash(third, c.block));
        let user = words.remainder();
        self.user.set(record, dash(user, c.block));
        Ok(())
    }

    fn extras(&mut self, c: &mut Cursor<'_>, fields: &mut Fields, record: &mut Record) -> Step<()> {
        for index in 0.. {
            c.skip_spaces();
            let span = match c.peek() {
                None => return Ok(()),
                Some(b'"') => dash(c.quoted()?, c.block),
                Some(_) => classify(c.token()?, c.block),
            };
            if index == self.extras.len() && index < EXTRAS_MAX {
                self.extras.push(Slot::new(fields, &format!("extra{}", index + 1)));
            }
            if let Some(slot) = self.extras.get(index) {
                slot.set(record, span);
            }
        }
        Ok(())
    }
}

/// `-` stands for nothing.
#[inline]
fn dash(span: Span, block: &[u8]) -> Span {
    if span.bytes(block) == b"-" { Span { kind: SpanKind::Null, ..span } } else { span }
}

impl LineParser for Access {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        self.who(&mut c, fields, record)?;
        self.time.set(record, c.until(b']')?);
        c.expect(b' ')?;
        let request = c.quoted()?;
        self.request.set(record, dash(request, block));
        self.parts.set(request, block, record);
        let status = classify(c.token()?, block);
        if !matches!(status.kind, SpanKind::Int | SpanKind::Null) {
            return Err(Reason::NoMatch);
        }
        self.status.set(record, status);
        let bytes = classify(c.token()?, block);
        if !matches!(bytes.kind, SpanKind::Int | SpanKind::Null) {
            return Err(Reason::NoMatch);
        }
        self.bytes.set(record, bytes);
        if c.peek() == Some(b'"') {
            let slot = *self.referer.get_or_insert_with(|| Slot::new(fields, "referer"));
            slot.set(record, dash(c.quoted()?, block));
            if c.peek() == Some(b'"') {
                let slot = *self.agent.get_or_insert_with(|| Slot::new(fields, "user_agent"));
                slot.set(record, dash(c.quoted()?, block));
            }
        }
        if c.is_at_end() { Ok(()) } else { self.extras(&mut c, fields, record) }
    }
}
