//! The envelopes of containers: Docker and CRI, after their pieces are joined.

use super::{Envelope, Layer};
use crate::bad::Reason;
use crate::format::cursor::{Cursor, Slot, Step};
use crate::record::{Fields, Record, Span, SpanKind};

/// `time stream flag text`; the flag may have further marks after a colon.
#[derive(Debug)]
pub(super) struct Cri {
    time: Slot,
    stream: Slot,
    flag: Slot,
}

impl Cri {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        let mut slot = |name| envelope.slot(fields, name);
        Self { time: slot("time"), stream: slot("stream"), flag: slot("flag") }
    }
}

/// A line of CRI: its time, its stream and its flag. The cursor is then at its text.
pub(super) fn cri_parts(c: &mut Cursor<'_>) -> Step<[Span; 3]> {
    let time = c.token()?;
    if time.end - time.start < 20 || !time.bytes(c.block)[0].is_ascii_digit() {
        return Err(Reason::NoMatch);
    }
    let stream = c.token()?;
    let flag = c.token()?;
    let known = matches!(stream.bytes(c.block), b"stdout" | b"stderr");
    if !known || !matches!(flag.bytes(c.block), [b'P' | b'F'] | [b'P' | b'F', b':', ..]) {
        return Err(Reason::NoMatch);
    }
    Ok([time, stream, flag])
}

impl Layer for Cri {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        _: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let [time, stream, flag] = cri_parts(c)?;
        self.time.set(record, time);
        self.stream.set(record, stream);
        self.flag.set(record, flag);
        Ok(Some(time))
    }
}

/// `time stream attributes text`, as the pieces are joined to; attributes are JSON without spaces, or
/// `-`.
#[derive(Debug)]
pub(super) struct Docker {
    time: Slot,
    stream: Slot,
    attributes: Option<Slot>,
    name: String,
}

impl Docker {
    pub(super) fn new(envelope: &Envelope, fields: &mut Fields) -> Self {
        let time = envelope.slot(fields, "time");
        let stream = envelope.slot(fields, "stream");
        Self { time, stream, attributes: None, name: envelope.field("attrs") }
    }

    /// The attributes, and each of their values as a field of its own: `attrs.tag`.
    fn attributes(&mut self, span: Span, block: &[u8], fields: &mut Fields, record: &mut Record) {
        let slot = *self.attributes.get_or_insert_with(|| Slot::new(fields, &self.name));
        slot.set(record, Span { kind: SpanKind::Json, ..span });
        let mut c = Cursor::new(block, span.start as usize + 1, span.end as usize);
        while c.peek() == Some(b'"') {
            let Ok(key) = c.quoted() else { return };
            let (Ok(()), Ok(value)) = (c.expect(b':'), c.quoted()) else { return };
            if let Ok(key) = std::str::from_utf8(key.bytes(block)) {
                Slot::new(fields, &format!("{}.{key}", self.name)).set(record, value);
            }
            let _ = c.expect(b',');
        }
    }
}

impl Layer for Docker {
    fn open(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<Option<Span>> {
        let time = c.token()?;
        let stream = c.token()?;
        let attributes = c.token()?;
        self.time.set(record, time);
        self.stream.set(record, stream);
        if attributes.bytes(c.block) != b"-" {
            self.attributes(attributes, c.block, fields, record);
        }
        Ok(Some(time))
    }
}
