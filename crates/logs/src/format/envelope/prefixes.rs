//! Envelopes that are a prefix of each line.

use super::{Envelope, Layer};
use crate::bad::Reason;
use crate::format::cursor::{Cursor, Slot, Step, classify};
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules};

/// Longer than every layout of times.
const TIME_BYTES_MAX: usize = 64;

/// The letters, digits and marks that names of containers and pods consist of.
fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
}

/// The name that `c` is at.
fn name(c: &mut Cursor<'_>) -> Step<Span> {
    let length = c.rest().iter().take_while(|&&b| is_name_byte(b)).count();
    if length == 0 {
        return Err(Reason::NoMatch);
    }
    let span = Span::new(SpanKind::Str, c.at, c.at + length);
    c.at += length;
    Ok(span)
}

/// Passes over one space, if there is one.
fn skip_space(c: &mut Cursor<'_>) {
    if c.peek() == Some(b' ') {
        c.at += 1;
    }
}

/// `web_1     | text`: the name of the container, padded.
#[derive(Debug)]
pub(super) struct Compose {
    container: Slot,
}

impl Compose {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        Self { container: envelope.slot(fields, "container") }
    }
}

impl Layer for Compose {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let container = name(c)?;
        let text = std::str::from_utf8(container.bytes(c.block)).unwrap_or_default();
        c.skip_spaces();
        c.expect(b'|')?;
        if crate::format::level::is_level(text) {
            return Err(Reason::NoMatch);
        }
        skip_space(c);
        self.container.set(record, container);
        Ok(None)
    }
}

/// `[pod/api-7d9f/api] text`: the pod and the container.
#[derive(Debug)]
pub(super) struct Kubectl {
    pod: Slot,
    container: Slot,
}

impl Kubectl {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        Self { pod: envelope.slot(fields, "pod"), container: envelope.slot(fields, "container") }
    }
}

impl Layer for Kubectl {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        if !c.rest().starts_with(b"[pod/") {
            return Err(Reason::NoMatch);
        }
        c.at += b"[pod/".len();
        let pod = name(c)?;
        c.expect(b'/')?;
        let container = name(c)?;
        c.expect(b']')?;
        skip_space(c);
        self.pod.set(record, pod);
        self.container.set(record, container);
        Ok(None)
    }
}

/// `api-7d9f api text`: the pod, whose name has a hyphen, and the container.
#[derive(Debug)]
pub(super) struct Stern {
    pod: Slot,
    container: Slot,
}

impl Stern {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        Self { pod: envelope.slot(fields, "pod"), container: envelope.slot(fields, "container") }
    }
}

impl Layer for Stern {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let pod = name(c)?;
        c.expect(b' ')?;
        let container = name(c)?;
        c.expect(b' ')?;
        // Names of Kubernetes are in lower case. A time is no pod.
        let lower = |span: Span| !span.bytes(c.block).iter().any(u8::is_ascii_uppercase);
        let text = pod.bytes(c.block);
        let is_pod = text[0].is_ascii_lowercase() && text.contains(&b'-');
        if !is_pod || !lower(pod) || !lower(container) {
            return Err(Reason::NoMatch);
        }
        self.pod.set(record, pod);
        self.container.set(record, container);
        Ok(None)
    }
}

/// Whether a line begins with the name of a pod as Kubernetes makes them: of a deployment
/// (`api-7d9f8c6b5-x2x4z`), or with a number at the end (`db-0`).
pub(super) fn is_of_pod(line: &[u8]) -> bool {
    let name = line.split(|&b| b == b' ').next().unwrap_or_default();
    let mut parts = name.rsplit(|&b| b == b'-');
    let (Some(last), Some(before)) = (parts.next(), parts.next()) else { return false };
    let is_part = |part: &[u8]| part.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_numbered = (1..=3).contains(&last.len()) && last.iter().all(u8::is_ascii_digit);
    let is_hash = (5..=10).contains(&before.len()) && before.iter().any(u8::is_ascii_digit);
    is_numbered || last.len() == 5 && is_part(last) && is_hash && is_part(before)
}

/// `2026-01-02T03:04:05.123456Z 00O text`: the time, a number of the stream, and whether it is the
/// output (`O`) or the errors (`E`); `+` in place of the space continues the line before.
#[derive(Debug)]
pub(super) struct Gitlab {
    time: Slot,
    stream: Slot,
}

impl Gitlab {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        Self { time: envelope.slot(fields, "time"), stream: envelope.slot(fields, "stream") }
    }
}

impl Layer for Gitlab {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let time = c.token()?;
        let text = time.bytes(c.block);
        if text.len() < 20 || !text[0].is_ascii_digit() || !text.ends_with(b"Z") {
            return Err(Reason::NoMatch);
        }
        let stream = match c.rest() {
            [a, b, b'O' | b'E', rest @ ..] if is_hex(*a) && is_hex(*b) => {
                if !matches!(rest.first(), None | Some(b' ' | b'+')) {
                    return Err(Reason::NoMatch);
                }
                Span::new(SpanKind::Str, c.at, c.at + 3)
            }
            _ => return Err(Reason::NoMatch),
        };
        c.at = (c.at + 4).min(c.end);
        self.time.set(record, time);
        self.stream.set(record, stream);
        Ok(Some(time))
    }
}

fn is_hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

/// A time before JSON: `2026-01-02T03:04:05Z {...}`, `[2026-01-02 03:04:05] {...}`; as `aws logs tail`
/// prints it, with the name of a stream between.
#[derive(Debug)]
pub(super) struct Time {
    time: Slot,
    stream: Option<Slot>,
    clock: Clock,
}

impl Time {
    pub(super) fn new(
        envelope: &Envelope,
        fields: &mut Fields,
        rules: &Rules,
        with_stream: bool,
    ) -> Self {
        let time = envelope.slot(fields, "time");
        let stream = with_stream.then(|| envelope.slot(fields, "stream"));
        Self { time, stream, clock: Clock::new(rules.clone()) }
    }

    /// The time in front, in brackets or not.
    fn time(&mut self, c: &mut Cursor<'_>) -> Step<Span> {
        let bracket = usize::from(c.peek() == Some(b'['));
        let text = &c.rest()[bracket..];
        let text = &text[..text.len().min(TIME_BYTES_MAX)];
        let word = text.iter().position(|b| b" \t]".contains(b)).unwrap_or(text.len());
        let layout = self.clock.parse_prefix(text).map(|(_, length)| length);
        // A number since 1970 is a word by itself.
        let epoch = || self.clock.clone().parse(&text[..word]).map(|_| word);
        let length = layout.or_else(epoch).ok_or(Reason::NoMatch)?;
        let start = c.at + bracket;
        c.at = start + length;
        if bracket == 1 {
            c.expect(b']')?;
        }
        Ok(classify(Span::new(SpanKind::Str, start, start + length), c.block))
    }
}

/// Passes over what stands between a time and JSON.
fn skip_separators(c: &mut Cursor<'_>) {
    while matches!(c.peek(), Some(b' ' | b'\t' | b'-' | b':' | b'|' | b',')) {
        c.at += 1;
    }
}

impl Layer for Time {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let time = self.time(c)?;
        let before = c.at;
        skip_separators(c);
        let stream = self.stream.map(|slot| Ok((slot, c.token()?))).transpose()?;
        if stream.is_some() {
            skip_separators(c);
        }
        if c.at == before || !matches!(c.peek(), Some(b'{' | b'@')) {
            return Err(Reason::NoMatch);
        }
        if let Some((slot, name)) = stream {
            slot.set(record, name);
        }
        self.time.set(record, time);
        Ok(Some(time))
    }
}

/// `@cee:` before JSON (the Common Event Expression, as rsyslog writes it).
#[derive(Debug)]
pub(super) struct Cee;

/// Passes over the mark `@cee:` and the spaces around it, where `c` is at one.
pub(super) fn skip_cee(c: &mut Cursor<'_>) -> bool {
    let text = c.rest().trim_ascii_start();
    let Some(after) = text.strip_prefix(b"@cee:") else { return false };
    c.at = c.end - after.trim_ascii_start().len();
    true
}

impl Layer for Cee {
    fn open(&mut self, c: &mut Cursor<'_>, _: &mut Fields, _: &mut Record) -> Step<Option<Span>> {
        if skip_cee(c) { Ok(None) } else { Err(Reason::NoMatch) }
    }
}
