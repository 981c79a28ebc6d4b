//! Lines of Docker's `json-file` driver as pieces of text.
//!
//! Each line is `{"log":"text\n","stream":"stdout","time":"..."}`, with `"attrs"` where the daemon is
//! set so. Text of more than 16 KiB is cut, and only its last piece ends with a line feed (see
//! `Copier` in moby's `daemon/logger`).

use super::pieces::Piece;
use crate::bad::Reason;
use crate::json::{Fault, JsonParser};
use crate::record::{FieldId, Fields, Record, Span};
use crate::value;

/// Reads the lines of a block.
#[derive(Debug)]
pub(super) struct DockerLines {
    parser: JsonParser,
    fields: Fields,
    record: Record,
    text: Vec<u8>,
    attributes: Vec<u8>,
}

/// The fields of a line, by their index.
const NAMES: [&str; 4] = ["log", "stream", "time", "attrs"];

impl DockerLines {
    pub(super) fn new() -> Self {
        let fields = Fields::only(&NAMES);
        let parser = JsonParser::new(&fields);
        let (text, attributes) = (Vec::new(), Vec::new());
        Self { parser, fields, record: Record::default(), text, attributes }
    }

    pub(super) fn begin_block(&mut self, block: &[u8]) {
        self.parser.begin_block(block);
    }

    /// The piece of the line that begins at `start`.
    pub(super) fn piece<'a>(
        &'a mut self,
        block: &'a [u8],
        start: usize,
    ) -> Result<Piece<'a>, Fault> {
        self.record.clear();
        let parsed = self.parser.parse(block, start, &mut self.fields, &mut self.record).1;
        if !parsed? {
            return Err(Fault { reason: Reason::NoMatch, at: start });
        }
        let span = |index: u16| self.record.get(FieldId(index));
        let (log, stream, time) = (span(0), span(1), span(2));
        if !log.is_present() || !time.is_present() {
            return Err(Fault { reason: Reason::NoMatch, at: start });
        }
        self.text.clear();
        self.text.extend_from_slice(&value::text(log, block).unwrap_or_default());
        let last = self.text.ends_with(b"\n");
        if last {
            self.text.pop();
        }
        // Docker cuts at line feeds, so one within the text does not come from it.
        self.text.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
        self.attributes.clear();
        without_spaces(span(3), block, &mut self.attributes);
        let stream = stream.bytes(block);
        let stream = if stream.is_empty() || stream.contains(&b' ') { b"-" } else { stream };
        Ok(Piece {
            time: word(time, block),
            stream,
            mark: &self.attributes,
            text: &self.text,
            last,
        })
    }
}

/// A time is one word; `-` stands for none.
fn word(span: Span, block: &[u8]) -> &[u8] {
    let text = span.bytes(block);
    if text.is_empty() || text.contains(&b' ') { b"-" } else { text }
}

/// Appends the JSON of `span` without spaces: those in strings are escaped. Without JSON, `-`.
fn without_spaces(span: Span, block: &[u8], out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in span.bytes(block) {
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = byte == b'\\' && !escaped;
        match byte {
            b' ' if in_string => out.extend_from_slice(b"\\u0020"),
            b' ' | b'\t' => {}
            _ => out.push(byte),
        }
    }
    if out.is_empty() {
        out.push(b'-');
    }
}
