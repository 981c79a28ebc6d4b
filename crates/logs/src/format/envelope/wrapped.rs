//! The parser of a format in envelopes, or between lines of text.

use super::prefixes::skip_cee;
use super::{Envelope, Layer, Wrapping, is_text};
use crate::bad::Reason;
use crate::format::cursor::{Cursor, Slot};
use crate::format::plain::{Plain, TIME, TIMESTAMP};
use crate::format::{Definition, Format, LineParser, Parser, is_blank, zeros};
use crate::json::Fault;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::Rules;

#[derive(Debug)]
pub(in crate::format) struct Wrapped {
    layers: Vec<Box<dyn Layer>>,
    /// Whether a line without the envelopes is a bad one, and not a line of text.
    strict: bool,
    inside: Inside,
    /// Made with the first line of text, so that other logs have no fields of it.
    text: Option<Box<Text>>,
    /// What the time and the message of text are called.
    names: (&'static str, &'static str),
    rules: Rules,
    /// The log's time.
    time: Option<Slot>,
}

#[derive(Debug)]
enum Inside {
    /// Every line is text.
    Text,
    /// Lines are of a format.
    Format { parser: Box<Parser>, is_json: bool, is_logfmt: bool, mixed: bool },
}

/// Text in an envelope, or between lines of another format.
#[derive(Debug)]
struct Text {
    plain: Plain,
    time: Slot,
    message: Slot,
}

/// A line without its envelopes.
struct Opened {
    at: usize,
    time: Option<Span>,
    whole: bool,
}

impl Wrapped {
    pub(in crate::format) fn new(wrapping: &Wrapping, fields: &mut Fields, rules: &Rules) -> Self {
        let format = wrapping.inside.format();
        let layers = wrapping.envelopes.iter().map(|e: &Envelope| e.layer(fields, rules)).collect();
        let inside = if is_text(format) {
            Inside::Text
        } else {
            let parser = Box::new(wrapping.inside.parser(fields, rules));
            let (is_json, is_logfmt) = (format == Format::Json, format == Format::Logfmt);
            Inside::Format { parser, is_json, is_logfmt, mixed: wrapping.mixed }
        };
        let time = wrapping.time.as_ref().map(|name| Slot::new(fields, name));
        let strict = wrapping.envelopes.iter().any(|e| e.kind.is_strict());
        let beside = matches!(*wrapping.inside, Definition::TimeBesidePair(_));
        let names = (if beside { TIMESTAMP } else { TIME }, wrapping.text_name());
        Self { layers, strict, inside, text: None, names, rules: rules.clone(), time }
    }

    /// The name of the message of text.
    pub(in crate::format) fn text_name(&self) -> &'static str {
        self.names.1
    }

    pub(in crate::format) fn begin_block(&mut self, block: &[u8]) {
        if let Inside::Format { parser, .. } = &mut self.inside {
            parser.begin_block(block);
        }
    }

    /// Parses the line `block[start..end]`: whether it is a record, or what is wrong with it.
    pub(in crate::format) fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<bool, Fault> {
        if is_blank(&block[start..end]) {
            return Ok(false);
        }
        let start = start + zeros(&block[start..end]);
        let opened = self.open(block, start, end, fields, record);
        if !opened.whole && (self.strict || !self.takes_text()) {
            return Err(Fault { reason: Reason::NoMatch, at: opened.at });
        }
        let parsed = match &mut self.inside {
            Inside::Format { parser, is_json, is_logfmt, mixed } if opened.whole => {
                let at = opened.at;
                // What an application prints may be an empty line.
                let text = block[at..end].trim_ascii_start();
                let is_text = text.is_empty()
                    || *is_json && *mixed && text[0] != b'{'
                    || *is_logfmt && *mixed && begins_with_word(text);
                if is_text { Ok(false) } else { parser.parse(block, at, fields, record).1 }
            }
            _ => Ok(false),
        };
        match parsed {
            Ok(true) => self.settle_time(opened.time, record),
            Ok(false) => self.text(block, &opened, end, fields, record),
            Err(fault) if !self.is_text(block, &opened, end) => return Err(fault),
            Err(_) => {
                record.clear();
                let opened = self.open(block, start, end, fields, record);
                self.text(block, &opened, end, fields, record);
            }
        }
        Ok(true)
    }

    fn open(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Opened {
        let mut c = Cursor::new(block, start, end);
        let mut opened = Opened { at: start, time: None, whole: true };
        for layer in &mut self.layers {
            match layer.open(&mut c, fields, record) {
                // The inner time is nearer to the event.
                Ok(time) => opened.time = time.or(opened.time),
                Err(_) => {
                    opened.whole = false;
                    return opened;
                }
            }
            opened.at = c.at;
        }
        if matches!(self.inside, Inside::Format { is_json: true, .. }) && skip_cee(&mut c) {
            opened.at = c.at;
        }
        opened
    }

    fn takes_text(&self) -> bool {
        matches!(self.inside, Inside::Text | Inside::Format { mixed: true, .. })
    }

    /// Whether a line that is not of the format inside is one of text: broken JSON is not.
    fn is_text(&self, block: &[u8], opened: &Opened, end: usize) -> bool {
        match &self.inside {
            Inside::Text => true,
            Inside::Format { mixed: false, .. } => false,
            Inside::Format { is_json, .. } => {
                !*is_json || !block[opened.at..end].trim_ascii_start().starts_with(b"{")
            }
        }
    }

    fn text(
        &mut self,
        block: &[u8],
        opened: &Opened,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let (names, rules) = (self.names, &self.rules);
        let text = self.text.get_or_insert_with(|| Box::new(Text::new(fields, rules, names)));
        let time = text.parse(block, opened, end, fields, record);
        self.settle_time(time, record);
    }

    /// Gives a record without the log's time the one that was found elsewhere.
    #[inline]
    fn settle_time(&self, found: Option<Span>, record: &mut Record) {
        let (Some(slot), Some(found)) = (self.time, found) else { return };
        if matches!(slot.get(record).kind, SpanKind::Missing | SpanKind::Null) {
            slot.set(record, found);
        }
    }
}

/// Whether a line begins with a word that is neither of a pair nor of a time: any text is logfmt, too.
fn begins_with_word(text: &[u8]) -> bool {
    let word = text.split(|&b| b == b' ').next().unwrap_or_default();
    !word.contains(&b'=') && !matches!(word.first(), Some(b'0'..=b'9' | b'['))
}

impl Text {
    fn new(fields: &mut Fields, rules: &Rules, (time, message): (&'static str, &str)) -> Self {
        let plain = Plain::new(fields, rules, time);
        Self { plain, time: Slot::new(fields, time), message: Slot::new(fields, message) }
    }

    /// Sets the fields of a line of text, and returns its time.
    fn parse(
        &mut self,
        block: &[u8],
        opened: &Opened,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Option<Span> {
        let end = if block[opened.at..end].ends_with(b"\r") { end - 1 } else { end };
        let whole = Span::new(SpanKind::Str, opened.at, end);
        if whole.start == whole.end
            || self.plain.parse(block, opened.at, end, fields, record).is_err()
        {
            self.message.set(record, whole);
        }
        let Some(time) = opened.time else {
            let own = self.time.get(record);
            return own.is_present().then_some(own);
        };
        // The time in the text is the envelope's once more, often without a zone.
        self.time.set(record, time);
        self.message.set(record, whole);
        Some(time)
    }
}
