//! Chosen fields as rows of text.

use std::borrow::Cow;
use std::io::Write;

use crate::bad::is_steering;
use crate::filter::LINE;
use crate::record::{FieldId, Fields, Span, SpanKind, without_return};
use crate::scan::{Row, Rows, Sink, Zoned};
use crate::time::Clock;
use crate::value;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// RFC 4180: quoted where needed, lines end with CRLF inside quotes only as they stand.
    Csv,
    /// Tabs between values; tab, line feed, carriage return and backslash escaped.
    Tsv,
    /// One JSON object per line, with the fields that the record has.
    Ndjson,
}

/// This many bytes of rows are handed over before a piece ends.
const ROWS_BYTES_MAX: usize = 8 << 20;

/// Writes chosen fields of each record.
#[derive(Debug)]
pub struct Rendering {
    style: Style,
    names: Vec<String>,
    /// Each name as a JSON string with its colon.
    labels: Vec<Vec<u8>>,
    ids: Vec<Column>,
    /// The zone in which times are shown.
    zoned: Option<Zoned>,
    rows: Rows,
}

#[derive(Debug, Clone, Copy)]
enum Column {
    Line,
    Field(Option<FieldId>),
    /// The time of the log, to be shown in a zone.
    Time(Option<FieldId>),
}

impl Rendering {
    /// Writes the fields `names` in `style`; [`LINE`] is the whole line.
    #[must_use]
    pub fn new(names: &[String], style: Style) -> Self {
        let label = |name: &String| {
            let mut label = Vec::new();
            push_json_string(&mut label, name.as_bytes());
            label.push(b':');
            label
        };
        Self {
            style,
            names: names.to_vec(),
            labels: names.iter().map(label).collect(),
            ids: Vec::new(),
            zoned: None,
            rows: Rows::default(),
        }
    }

    /// The same with times as `zoned` shows them; records must carry their times.
    #[must_use]
    pub fn zoned(self, zoned: Option<&Zoned>) -> Self {
        Self { zoned: zoned.cloned(), ..self }
    }

    /// The line above the rows, where the style has one.
    #[must_use]
    pub fn header(names: &[String], style: Style) -> Vec<u8> {
        let mut out = Vec::new();
        if style == Style::Ndjson {
            return out;
        }
        for (at, name) in names.iter().enumerate() {
            separate(&mut out, at, style);
            push_cell(&mut out, name.as_bytes(), style);
        }
        out.push(b'\n');
        out
    }
}

impl Rendering {
    /// The time of `row` in the zone, where `column` is one and the record has it.
    fn time_of(&self, column: Column, row: &Row<'_>) -> Option<String> {
        let is_time = matches!(column, Column::Time(_));
        let zoned = self.zoned.as_ref().filter(|_| is_time)?;
        row.time.map(|time| zoned.text(time))
    }

    fn push_object(&mut self, row: &Row<'_>) {
        self.rows.text.push(b'{');
        let mut first = true;
        for (column, label) in self.ids.iter().zip(&self.labels) {
            let span = span_of(*column, row);
            if !matches!(column, Column::Line) && !span.is_present() {
                continue;
            }
            let time = self.time_of(*column, row);
            let out = &mut self.rows.text;
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(label);
            match (time, column) {
                (Some(time), _) => push_json_string(out, time.as_bytes()),
                (None, Column::Line) => push_json_string(out, without_return(row.line)),
                (None, _) => push_json_value(out, span, row.block),
            }
        }
        self.rows.text.push(b'}');
    }
}

fn separate(out: &mut Vec<u8>, at: usize, style: Style) {
    if at > 0 {
        out.push(if style == Style::Tsv { b'\t' } else { b',' });
    }
}

fn push_cell(out: &mut Vec<u8>, text: &[u8], style: Style) {
    match style {
        Style::Tsv => push_escaped(out, text),
        Style::Csv | Style::Ndjson => push_csv(out, text),
    }
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            _ => out.push(byte),
        }
    }
}

fn push_csv(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Appends a JSON string; what is not UTF-8 becomes U+FFFD. What could steer a terminal is escaped, too: it
/// is the same string for every reader of JSON.
pub(crate) fn push_json_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\r' => out.extend_from_slice(b"\\r"),
            c if c < ' ' || is_steering(c) => {
                // Writing to a Vec does not fail. None of these is above U+FFFF.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends JSON as it stands, except what could steer a terminal, which is only in its strings.
fn push_json(out: &mut Vec<u8>, json: &[u8]) {
    let Ok(text) = std::str::from_utf8(json) else { return out.extend_from_slice(json) };
    for c in text.chars() {
        // The line feeds and tabs between values.
        if is_steering(c) && !matches!(c, '\n' | '\r' | '\t') {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn push_json_value(out: &mut Vec<u8>, span: Span, block: &[u8]) {
    let bytes = span.bytes(block);
    match span.kind {
        SpanKind::Missing | SpanKind::Null => out.extend_from_slice(b"null"),
        SpanKind::Str | SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => {
            push_json_string(out, &value::text(span, block).unwrap_or_default());
        }
        SpanKind::Json => push_json(out, bytes),
        SpanKind::Bool | SpanKind::Int | SpanKind::Float => out.extend_from_slice(bytes),
    }
}

impl Sink for Rendering {
    type Out = Rows;

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.names.iter().filter(|n| *n != LINE).cloned().collect())
    }

    fn begin(&mut self, log: usize, fields: &mut Fields) {
        let is_time = |name: &str| self.zoned.as_ref().is_some_and(|z| z.is_time(log, name));
        let mut column = |name: &String| match name.as_str() {
            LINE => Column::Line,
            name if is_time(name) => Column::Time(fields.add(name)),
            name => Column::Field(fields.add(name)),
        };
        self.ids = self.names.iter().map(&mut column).collect();
    }

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        if self.style == Style::Ndjson {
            self.push_object(row);
        } else {
            for at in 0..self.ids.len() {
                separate(&mut self.rows.text, at, self.style);
                let time = self.time_of(self.ids[at], row);
                let text = match (&time, self.ids[at]) {
                    (Some(time), _) => Some(Cow::Borrowed(time.as_bytes())),
                    (None, Column::Line) => Some(Cow::Borrowed(without_return(row.line))),
                    (None, column) => value::text(span_of(column, row), row.block),
                };
                push_cell(&mut self.rows.text, text.as_deref().unwrap_or_default(), self.style);
            }
        }
        self.rows.text.push(b'\n');
        self.rows.ends.push(self.rows.text.len());
    }

    fn is_full(&self) -> bool {
        self.rows.text.len() >= ROWS_BYTES_MAX
    }

    fn take(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }
}

fn span_of(column: Column, row: &Row<'_>) -> Span {
    match column {
        Column::Field(Some(id)) | Column::Time(Some(id)) => row.record.get(id),
        Column::Line | Column::Field(None) | Column::Time(None) => Span::default(),
    }
}
