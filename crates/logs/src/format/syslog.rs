//! syslog: RFC 3164 as it is found in files, and RFC 5424.

use super::LineParser;
use super::cursor::{Cursor, Slot, Step, classify};
use super::envelope::Layer;
use super::level;
use super::stamp;
use super::structured::Parameters;
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// `<PRI>Mon dd hh:mm:ss host app[pid]: message` in the variants that are found.
///
/// - The priority may be missing (files have none), and so may the host, the program and the process.
/// - The time may have a year before or after the clock, a fraction, one space before a short day, and
///   the mark of a router's clock that is not set (`*`); it may be RFC 3339, seconds since 1970, or
///   `Fri 2026-01-02 03:04:05 UTC`, as journald writes it.
/// - A program's name may have spaces where its process follows in brackets.
#[derive(Debug)]
pub(super) struct Rfc3164 {
    time: Slot,
    host: Slot,
    app: Slot,
    pid: Slot,
    message: Slot,
    priority: Option<Slot>,
    priority_name: String,
    level: LevelSlot,
}

/// The field of the level, which is added with the first line that has one.
#[derive(Debug, Default)]
struct LevelSlot {
    is_wanted: bool,
    slot: Option<Slot>,
}

impl LevelSlot {
    fn new(fields: &Fields) -> Self {
        Self { is_wanted: fields.open || fields.find("level").is_some(), slot: None }
    }

    /// The priority that the line begins with, where it is needed for the level.
    #[inline]
    fn priority(&self, block: &[u8], start: usize, end: usize) -> Span {
        if self.is_wanted { priority_of(block, start, end) } else { Span::default() }
    }

    /// Sets the level of the severity in the priority, or else of what the message begins with.
    #[inline]
    fn set(
        &mut self,
        priority: Span,
        message: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        if !self.is_wanted {
            return;
        }
        let number =
            std::str::from_utf8(priority.bytes(block)).ok().filter(|_| priority.is_present());
        let severity = number.and_then(|n| n.parse::<u8>().ok()).map(|n| b'0' + n % 8);
        let found = match severity {
            Some(severity) => level::severity(severity),
            None => level::at_start(message.bytes(block)),
        };
        if let Some(found) = found {
            let slot = self.slot.get_or_insert_with(|| Slot::new(fields, "level"));
            slot.set(record, Span::of_level(found));
        }
    }
}

impl Rfc3164 {
    pub(super) fn new(fields: &mut Fields) -> Self {
        Self::named(fields, &str::to_owned)
    }

    /// With fields called as `name` says.
    pub(super) fn named(fields: &mut Fields, name: &dyn Fn(&str) -> String) -> Self {
        let mut slot = |field| Slot::new(fields, &name(field));
        Self {
            time: slot("time"),
            host: slot("host"),
            app: slot("app"),
            pid: slot("pid"),
            message: Slot::default(),
            priority: None,
            priority_name: name("priority"),
            level: LevelSlot::default(),
        }
    }

    /// With a field for the message.
    pub(super) fn with_message(mut self, fields: &mut Fields) -> Self {
        self.message = Slot::new(fields, "message");
        self.level = LevelSlot::new(fields);
        self
    }

    /// What stands before the message; returns the time.
    #[inline]
    fn head(&mut self, c: &mut Cursor<'_>, fields: &mut Fields, record: &mut Record) -> Step<Span> {
        if c.peek() == Some(b'<') || is_framed(c) {
            let priority = priority(c)?;
            let name = &self.priority_name;
            self.priority.get_or_insert_with(|| Slot::new(fields, name)).set(record, priority);
            c.skip_spaces();
        }
        let stamp = stamp::stamp(c)?;
        self.time.set(record, stamp.time);
        c.skip_spaces();
        if !stamp.ends_with_colon {
            self.host(c, record)?;
        }
        self.tag(c, record);
        Ok(stamp.time)
    }

    /// The host, unless the word is a program with its colon.
    #[inline]
    fn host(&self, c: &mut Cursor<'_>, record: &mut Record) -> Step<()> {
        let before = c.at;
        let host = c.token()?;
        if let [.., last, b':'] = host.bytes(c.block)
            && *last != b':'
        {
            c.at = before;
            return Ok(());
        }
        self.host.set(record, host);
        // `host : %ASA-6-302013: built`.
        if let [b' ' | b':', ..] = c.rest() {
            c.skip_spaces();
            if c.rest().starts_with(b": ") {
                c.at += 2;
            }
        }
        Ok(())
    }

    /// `app[pid]: `, where what follows the host is one.
    fn tag(&self, c: &mut Cursor<'_>, record: &mut Record) {
        let rest = c.rest();
        let Some(colon) = rest.iter().position(|&b| b == b':' || b == b' ') else { return };
        if rest[colon] == b' ' {
            return self.spaced_tag(c, record);
        }
        let ends = matches!(rest.get(colon + 1), Some(b' ') | None);
        let with_pid = colon > 0 && rest[colon - 1] == b']';
        if !ends && !with_pid || colon == 0 {
            return;
        }
        self.set_tag(c, record, colon);
    }

    /// `Some App[77]: `: a name with spaces, which has its process.
    #[cold]
    fn spaced_tag(&self, c: &mut Cursor<'_>, record: &mut Record) {
        let rest = c.rest();
        let near = &rest[..rest.len().min(TAG_BYTES_MAX)];
        let Some(close) = memchr::memmem::find(near, b"]: ") else { return };
        let Some(open) = near[..close].iter().position(|&b| b == b'[') else { return };
        let name = &near[..open];
        let words = name.split(|&b| b == b' ');
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b" -_./".contains(b);
        let fits = name.iter().all(is_name)
            && name.first().is_some_and(u8::is_ascii_alphanumeric)
            && words.clone().count() <= TAG_WORDS_MAX
            && words.clone().all(|word| !word.is_empty())
            && close > open + 1
            && near[open + 1..close].iter().all(u8::is_ascii_digit);
        if fits {
            self.set_tag(c, record, close + 1);
        }
    }

    /// The name and the process before the colon, which is at `colon` after `c`.
    fn set_tag(&self, c: &mut Cursor<'_>, record: &mut Record, colon: usize) {
        let (rest, start) = (c.rest(), c.at);
        let app_end = match (rest[..colon].iter().rposition(|&b| b == b'['), rest[colon - 1]) {
            (Some(bracket), b']') if bracket > 0 => {
                let pid = Span::new(SpanKind::Str, start + bracket + 1, start + colon - 1);
                self.pid.set(record, classify(pid, c.block));
                bracket
            }
            _ => colon,
        };
        self.app.set(record, Span::new(SpanKind::Str, start, start + app_end));
        let space = usize::from(rest.get(colon + 1) == Some(&b' '));
        c.at = (start + colon + 1 + space).min(c.end);
    }
}

/// The bounds within which the name of a program with spaces is looked for.
const TAG_BYTES_MAX: usize = 64;
const TAG_WORDS_MAX: usize = 4;

/// Passes over a count of bytes before the priority (RFC 6587, as Heroku sends it); whether a priority
/// follows.
fn is_framed(c: &mut Cursor<'_>) -> bool {
    let digits = c.rest().iter().take_while(|b| b.is_ascii_digit()).count();
    let framed = (1..=6).contains(&digits) && c.rest()[digits..].starts_with(b" <");
    c.at += if framed { digits + 1 } else { 0 };
    framed
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
        self.head(&mut c, fields, record)?;
        let message = c.remainder();
        self.message.set(record, message);
        let priority = self.level.priority(block, start, end);
        self.level.set(priority, message, block, fields, record);
        Ok(())
    }
}

impl Layer for Rfc3164 {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        self.head(c, fields, record).map(Some)
    }
}

/// The priority of a line, if it begins with one.
#[inline]
fn priority_of(block: &[u8], start: usize, end: usize) -> Span {
    let mut c = Cursor::new(block, start, end);
    if c.peek() == Some(b'<') || is_framed(&mut c) {
        priority(&mut c).unwrap_or_default()
    } else {
        Span::default()
    }
}

/// `<0>` to `<191>`.
pub(super) fn priority(c: &mut Cursor<'_>) -> Step<Span> {
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
    level: LevelSlot,
    parameters: Option<Parameters>,
}

impl Rfc5424 {
    pub(super) fn new(fields: &mut Fields) -> Self {
        Self::named(fields, &str::to_owned)
    }

    /// With fields called as `name` says.
    pub(super) fn named(fields: &mut Fields, name: &dyn Fn(&str) -> String) -> Self {
        let parameters = Parameters::new(fields, name("data"));
        let mut slot = |field| Slot::new(fields, &name(field));
        Self {
            parameters,
            priority: slot("priority"),
            time: slot("time"),
            host: slot("host"),
            app: slot("app"),
            pid: slot("pid"),
            msgid: slot("msgid"),
            data: slot("data"),
            message: Slot::default(),
            level: LevelSlot::default(),
        }
    }

    /// With a field for the message.
    pub(super) fn with_message(mut self, fields: &mut Fields) -> Self {
        self.message = Slot::new(fields, "message");
        self.level = LevelSlot::new(fields);
        self
    }

    /// What stands before the message; returns the time.
    fn head(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        is_framed(c);
        self.priority.set(record, priority(c)?);
        c.expect(b'1')?;
        c.expect(b' ')?;
        let mut time = None;
        for slot in [self.time, self.host, self.app, self.pid, self.msgid] {
            let span = classify(c.token()?, c.block);
            time.get_or_insert(span);
            slot.set(record, span);
        }
        // Heroku's router sends no structured data: the message follows.
        if c.is_at_end() || matches!(c.peek(), Some(b'-' | b'[')) {
            let data = structured_data(c)?;
            self.data.set(record, data);
            if let Some(parameters) = &mut self.parameters {
                parameters.set(data, c.block, fields, record);
            }
        }
        if c.peek() == Some(b' ') {
            c.at += 1;
        }
        // A message may begin with a byte order mark.
        if c.rest().starts_with(b"\xef\xbb\xbf") {
            c.at += 3;
        }
        Ok(time.filter(|time| time.kind != SpanKind::Null))
    }
}

impl Layer for Rfc5424 {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        self.head(c, fields, record)
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
        let priority = self.level.priority(block, start, end);
        self.head(&mut c, fields, record)?;
        let message = c.remainder();
        self.message.set(record, message);
        self.level.set(priority, message, block, fields, record);
        Ok(())
    }
}
