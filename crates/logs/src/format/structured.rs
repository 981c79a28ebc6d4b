//! The parameters of RFC 5424's structured data as fields: `data.ID.NAME`.
//!
//! A whole element is `data.ID`: the text in it after its ID. Text that is not an element
//! ends the search; the line is still a record, as it is if no parameter is asked for.

use std::collections::HashMap;

use super::cursor::{Cursor, Slot, Step, classify};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// The most parameters whose place is learnt.
const NAMES_MAX: usize = 1024;

/// Longer names are kept out of the fields. The RFC allows 32 bytes for an ID and for a name.
const NAME_BYTES_MAX: usize = 256;

/// Finds the fields that parameters belong to.
#[derive(Debug)]
pub(super) struct Parameters {
    /// `ID.NAME` or `ID`, in the order in which they were first seen: the one that followed
    /// last time is tried before it is looked up.
    names: Vec<(Box<[u8]>, Slot)>,
    by_name: HashMap<Box<[u8]>, usize>,
    scratch: Vec<u8>,
    /// What a field's name begins with, before the ID of the element.
    prefix: String,
}

impl Parameters {
    /// For fields that are called like those of `data`; nothing where no field is one of a parameter.
    pub(super) fn new(fields: &Fields, data: String) -> Option<Self> {
        let prefix = data + ".";
        let asked = fields.open || fields.names().iter().any(|name| name.starts_with(&prefix));
        let (names, by_name, scratch) = (Vec::new(), HashMap::new(), Vec::new());
        asked.then_some(Self { names, by_name, scratch, prefix })
    }

    /// Sets the fields of the elements of `data`.
    pub(super) fn set(
        &mut self,
        data: Span,
        block: &[u8],
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let mut c = Cursor::new(block, data.start as usize, data.end as usize);
        let mut expected = 0;
        while self.element(&mut c, &mut expected, fields, record).is_ok() {}
    }

    /// The element that follows: `[ID NAME="VALUE" ...]`.
    fn element(
        &mut self,
        c: &mut Cursor<'_>,
        expected: &mut usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Step<()> {
        c.expect(b'[')?;
        let id = name(c)?.bytes(c.block);
        c.skip_spaces();
        let start = c.at;
        while c.peek() != Some(b']') {
            let key = name(c)?.bytes(c.block);
            c.expect(b'=')?;
            let value = value(c)?;
            self.slot(expected, id, Some(key), fields).set(record, value);
            c.skip_spaces();
        }
        // The text of an element with parameters is a field only where it is asked for.
        if c.at == start || !fields.open {
            let inside = Span::new(SpanKind::Str, start, c.at);
            self.slot(expected, id, None, fields).set(record, inside);
        }
        c.expect(b']')
    }

    fn slot(
        &mut self,
        expected: &mut usize,
        id: &[u8],
        key: Option<&[u8]>,
        fields: &mut Fields,
    ) -> Slot {
        if let Some((name, slot)) = self.names.get(*expected)
            && is_name(name, id, key)
        {
            *expected += 1;
            return *slot;
        }
        self.look_up(expected, id, key, fields)
    }

    #[cold]
    fn look_up(
        &mut self,
        expected: &mut usize,
        id: &[u8],
        key: Option<&[u8]>,
        fields: &mut Fields,
    ) -> Slot {
        self.scratch.clear();
        self.scratch.extend_from_slice(id);
        if let Some(key) = key {
            self.scratch.push(b'.');
            self.scratch.extend_from_slice(key);
        }
        if let Some(&index) = self.by_name.get(&self.scratch[..]) {
            *expected = index + 1;
            return self.names[index].1;
        }
        let full = self.names.len() >= NAMES_MAX || self.scratch.len() > NAME_BYTES_MAX;
        let Some(text) = std::str::from_utf8(&self.scratch).ok().filter(|_| !full) else {
            return Slot::default();
        };
        let slot = Slot::new(fields, &format!("{}{text}", self.prefix));
        let name: Box<[u8]> = self.scratch[..].into();
        self.by_name.insert(name.clone(), self.names.len());
        self.names.push((name, slot));
        *expected = self.names.len();
        slot
    }
}

/// Whether `name` is `id`, or `id` and `key` with a point between.
fn is_name(name: &[u8], id: &[u8], key: Option<&[u8]>) -> bool {
    match (name.strip_prefix(id), key) {
        (Some([]), None) => true,
        (Some([b'.', rest @ ..]), Some(key)) => rest == key,
        _ => false,
    }
}

/// An ID or a name: what is before a space, `=`, `]` or a quotation mark. Not empty.
fn name(c: &mut Cursor<'_>) -> Step<Span> {
    let is_end = |b: &u8| matches!(b, b' ' | b'=' | b']' | b'"');
    let length = c.rest().iter().position(is_end).filter(|&n| n > 0).ok_or(Reason::NoMatch)?;
    let span = Span::new(SpanKind::Str, c.at, c.at + length);
    c.at += length;
    Ok(span)
}

/// A quoted value. All values are quoted, so that numbers among them count as numbers.
fn value(c: &mut Cursor<'_>) -> Step<Span> {
    let span = c.quoted()?;
    Ok(match span.kind {
        SpanKind::Escaped => Span { kind: SpanKind::Quoted, ..span },
        _ if span.bytes(c.block) == b"-" => span,
        _ => classify(span, c.block),
    })
}
