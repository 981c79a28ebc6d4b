//! Common and combined access logs.
//!
//! `host ident user [time] "request" status bytes "referer" "user agent"`, with what is usual around it:
//! a virtual host or the addresses of proxies in front, quoted or bare columns at the end (`extra1`, ...,
//! or by their own names, `rt=0.006`), and more than one space between columns.

use super::LineParser;
use super::cursor::{Cursor, Slot, Step, classify};
use super::request::Request;
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// The most columns after the known ones that get a name.
const EXTRAS_MAX: usize = 16;

/// The most pairs after the known columns that get a field.
const PAIRS_MAX: usize = 64;

/// The names that pairs cannot have.
const OWN_NAMES: [&str; 15] = [
    "vhost",
    "host",
    "ident",
    "user",
    "time",
    "request",
    "method",
    "path",
    "protocol",
    "status",
    "bytes",
    "referer",
    "user_agent",
    "forwarded",
    "remote_addr",
];

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
    extras: Vec<Option<Slot>>,
    /// Names of pairs, in the order in which they were first seen.
    pairs: Vec<(Box<[u8]>, Slot)>,
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
            pairs: Vec::new(),
        }
    }

    /// What stands before the time: a host, an identity and a user, whose name may have spaces; before
    /// them a virtual host, or the addresses of the proxies in place of the host.
    fn who(&mut self, c: &mut Cursor<'_>, fields: &mut Fields, record: &mut Record) -> Step<()> {
        c.skip_spaces();
        let bracket = time_bracket(c)?;
        let mut words = Cursor::new(c.block, c.at, c.at + bracket);
        c.at += bracket + 2;
        let first = words.token()?;
        words.skip_spaces();
        let after_first = words.at;
        let second = words.token()?;
        let is_list = |span: Span| span.bytes(c.block).contains(&b',') || is_quoted(span, c.block);
        if is_list(first) {
            words.at = first.start as usize;
            return self.forwarded(&mut words, fields, record);
        }
        words.skip_spaces();
        if words.is_at_end() {
            return Err(Reason::NoMatch);
        }
        let third = words.remainder();
        let is_address = |span: Span| span.bytes(c.block).iter().any(|&b| b == b'.' || b == b':');
        let spaced = third.bytes(c.block).contains(&b' ');
        if spaced && (is_address(second) || is_list(second)) {
            Slot::new(fields, self.vhost).set(record, dash(first, c.block));
            words.at = after_first;
            if is_list(second) {
                return self.forwarded(&mut words, fields, record);
            }
            self.host.set(record, second);
            words.at = third.start as usize;
            return self.ident_and_user(&mut words, record);
        }
        // A time is not a host, and a line that ends like this has its host further on.
        if is_time(first.bytes(c.block)) || third.bytes(c.block).ends_with(b" - -") {
            return Err(Reason::NoMatch);
        }
        self.host.set(record, first);
        self.ident.set(record, dash(second, c.block));
        self.user.set(record, dash(trimmed(third, c.block), c.block));
        Ok(())
    }

    fn ident_and_user(&self, words: &mut Cursor<'_>, record: &mut Record) -> Step<()> {
        self.ident.set(record, dash(words.token()?, words.block));
        words.skip_spaces();
        self.user.set(record, dash(trimmed(words.remainder(), words.block), words.block));
        Ok(())
    }

    /// A list of addresses, which `X-Forwarded-For` gives, in quotes or not: the first one is the client.
    /// The address of the last proxy may follow.
    #[cold]
    fn forwarded(
        &self,
        words: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<()> {
        let block = words.block;
        let list = if words.peek() == Some(b'"') { words.quoted()? } else { list(words)? };
        let length = list.bytes(block).iter().position(|&b| b == b',');
        let end = length.map_or(list.end, |length| list.start + length as u32);
        self.host.set(record, dash(Span { end, ..list }, block));
        Slot::new(fields, "forwarded").set(record, dash(list, block));
        words.skip_spaces();
        let before = words.at;
        let next = words.token()?;
        let bytes = next.bytes(block);
        if bytes.contains(&b':') || bytes.iter().filter(|b| **b == b'.').count() == 3 {
            Slot::new(fields, "remote_addr").set(record, next);
            words.skip_spaces();
        } else {
            words.at = before;
        }
        self.ident_and_user(words, record)
    }

    fn extras(&mut self, c: &mut Cursor<'_>, fields: &mut Fields, record: &mut Record) -> Step<()> {
        let mut named = 0;
        for index in 0.. {
            c.skip_spaces();
            if c.is_at_end() {
                return Ok(());
            }
            if let Some((name, value)) = pair(c)? {
                self.pair(&mut named, name, fields).set(record, value);
                continue;
            }
            let span = match c.peek() {
                Some(b'"') => dash(c.quoted()?, c.block),
                _ => classify(c.token()?, c.block),
            };
            while self.extras.len() <= index && self.extras.len() < EXTRAS_MAX {
                self.extras.push(None);
            }
            let name = || format!("extra{}", index + 1);
            if let Some(slot) = self.extras.get_mut(index) {
                slot.get_or_insert_with(|| Slot::new(fields, &name())).set(record, span);
            }
        }
        Ok(())
    }

    /// The field of a pair: `rt`, or `extra_rt` where the format has a field of that name. Pairs mostly
    /// come in the order of the line before.
    fn pair(&mut self, expected: &mut usize, name: &[u8], fields: &mut Fields) -> Slot {
        let known = match self.pairs.get(*expected) {
            Some((key, _)) if **key == *name => Some(*expected),
            _ => self.pairs.iter().position(|(key, _)| **key == *name),
        };
        if let Some(index) = known {
            *expected = index + 1;
            return self.pairs[index].1;
        }
        let Ok(text) = std::str::from_utf8(name) else { return Slot::default() };
        if self.pairs.len() == PAIRS_MAX {
            return Slot::default();
        }
        let own = OWN_NAMES.contains(&text);
        let slot = Slot::new(fields, &if own { format!("extra_{text}") } else { text.to_owned() });
        self.pairs.push((name.into(), slot));
        slot
    }
}

/// `name=value`, `name="value"` or `"name=value"`, where `c` is at one.
fn pair<'a>(c: &mut Cursor<'a>) -> Step<Option<(&'a [u8], Span)>> {
    let quoted = usize::from(c.peek() == Some(b'"'));
    let text = &c.rest()[quoted..];
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let length = text.iter().take_while(|b| is_name(b)).count();
    let starts = text.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    if !starts || text.get(length) != Some(&b'=') {
        return Ok(None);
    }
    let (name, block, skipped) = (&text[..length], c.block, (length + 1) as u32);
    if quoted == 1 {
        let before = c.at;
        let all = c.quoted()?;
        let value = Span { start: all.start + skipped, ..all };
        // Cookies and queries have several pairs in one text.
        if value.bytes(block).iter().any(|b| matches!(b, b';' | b'&' | b'=')) {
            c.at = before;
            return Ok(None);
        }
        return Ok(Some((name, typed(value, block))));
    }
    c.at += length + 1;
    let value = match c.peek() {
        None | Some(b' ') => Span::new(SpanKind::Str, c.at, c.at),
        Some(b'"') => typed(c.quoted()?, block),
        Some(_) => {
            let value = c.token()?;
            // A comma ends a value, and is no part of it.
            let comma = value.bytes(block).ends_with(b",") && value.end - value.start > 1;
            classify(Span { end: value.end - u32::from(comma), ..value }, block)
        }
    };
    Ok(Some((name, value)))
}

/// A value in quotes, which may still be a number.
fn typed(span: Span, block: &[u8]) -> Span {
    if span.kind == SpanKind::Str { classify(span, block) } else { span }
}

/// Where the ` [` of the time is, after `c`; the address of an IPv6 host may be in brackets, too.
#[inline]
fn time_bracket(c: &Cursor<'_>) -> Step<usize> {
    let rest = c.rest();
    let found = blank_and_bracket(rest)?;
    if !is_ipv6(&rest[found + 2..]) {
        return Ok(found);
    }
    Ok(found + 2 + blank_and_bracket(&rest[found + 2..])?)
}

/// Where the first ` [` is. Searching for the bracket alone costs less than preparing a search for
/// both.
#[inline]
fn blank_and_bracket(text: &[u8]) -> Step<usize> {
    let mut brackets = memchr::memchr_iter(b'[', text);
    let found = brackets.find(|&at| at > 0 && text[at - 1] == b' ');
    found.map(|at| at - 1).ok_or(Reason::NoMatch)
}

/// Whether `text` begins with an IPv6 address and `]`.
#[inline]
fn is_ipv6(text: &[u8]) -> bool {
    let length = text.iter().take_while(|b| b.is_ascii_hexdigit() || **b == b':').count();
    let colons = || text[..length].iter().filter(|b| **b == b':').count();
    text.get(length) == Some(&b']')
        && colons() > 1
        && memchr::memmem::find(&text[..length], b"::").is_some()
}

/// Addresses with commas between, as one text.
fn list(words: &mut Cursor<'_>) -> Step<Span> {
    let first = words.token()?;
    let mut last = first;
    while last.bytes(words.block).ends_with(b",") {
        words.skip_spaces();
        last = words.token()?;
    }
    Ok(Span { end: last.end, ..first })
}

fn is_quoted(span: Span, block: &[u8]) -> bool {
    span.bytes(block).first() == Some(&b'"')
}

/// Whether a word is a time of RFC 3339.
fn is_time(word: &[u8]) -> bool {
    word.len() >= 19 && word[4] == b'-' && word[10] == b'T' && word[0].is_ascii_digit()
}

/// Without the spaces after it.
#[inline]
fn trimmed(span: Span, block: &[u8]) -> Span {
    let spaces = span.bytes(block).iter().rev().take_while(|b| **b == b' ').count();
    Span { end: span.end - spaces as u32, ..span }
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
        c.skip_spaces();
        let request = c.quoted()?;
        c.skip_spaces();
        self.request.set(record, dash(request, block));
        self.parts.set(request, block, record);
        let status = classify(c.token()?, block);
        if !matches!(status.kind, SpanKind::Int | SpanKind::Null) {
            return Err(Reason::NoMatch);
        }
        self.status.set(record, status);
        c.skip_spaces();
        let bytes = classify(c.token()?, block);
        if !matches!(bytes.kind, SpanKind::Int | SpanKind::Null) {
            return Err(Reason::NoMatch);
        }
        self.bytes.set(record, bytes);
        c.skip_spaces();
        if c.peek() == Some(b'"') {
            let slot = *self.referer.get_or_insert_with(|| Slot::new(fields, "referer"));
            slot.set(record, dash(c.quoted()?, block));
            c.skip_spaces();
            if c.peek() == Some(b'"') {
                let slot = *self.agent.get_or_insert_with(|| Slot::new(fields, "user_agent"));
                slot.set(record, dash(c.quoted()?, block));
            }
        }
        if c.is_at_end() { Ok(()) } else { self.extras(&mut c, fields, record) }
    }
}
