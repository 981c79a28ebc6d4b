//! Chosen fields as rows of text.

use std::borrow::Cow;
use std::io::Write;

use crate::filter::LINE;
use crate::record::{FieldId, Fields, Span, SpanKind, without_return};
use crate::scan::{Row, Rows, Sink};
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
    rows: Rows,
}

#[derive(Debug, Clone, Copy)]
enum Column {
    Line,
    Field(Option<FieldId>),
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
            rows: Rows::default(),
        }
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

/// Appends a JSON string; what is not UTF-8 becomes U+FFFD.
pub(crate) fn push_json_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\r' => out.extend_from_slice(b"\\r"),
            c if c < ' ' => {
                // Writing to a Vec does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn push_json_value(out: &mut Vec<u8>, span: Span, block: &[u8]) {
    let bytes = span.bytes(block);
    match span.kind {
        SpanKind::Missing | SpanKind::Null => out.extend_from_slice(b"null"),
        SpanKind::Str | SpanKind::Escaped | SpanKind::Quoted => {
            push_json_string(out, &value::text(span, block).unwrap_or_default());
        }
        SpanKind::Bool | SpanKind::Int | SpanKind::Float | SpanKind::Json => {
            out.extend_from_slice(bytes);
        }
    }
}

impl Sink for Rendering {
    type Out = Rows;

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.names.iter().filter(|n| *n != LINE).cloned().collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        let column = |name: &String| {
            if name == LINE { Column::Line } else { Column::Field(fields.add(name)) }
        };
        self.ids = self.names.iter().map(column).collect();
    }

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        let out = &mut self.rows.text;
        if self.style == Style::Ndjson {
            out.push(b'{');
            let mut first = true;
            for (column, label) in self.ids.iter().zip(&self.labels) {
                let span = span_of(*column, row);
                if matches!(column, Column::Field(_)) && !span.is_present() {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(label);
                match column {
                    Column::Line => push_json_string(out, without_return(row.line)),
                    Column::Field(_) => push_json_value(out, span, row.block),
                }
            }
            out.push(b'}');
        } else {
            for (at, column) in self.ids.iter().enumerate() {
                separate(out, at, self.style);
                let text = match column {
                    Column::Line => Some(Cow::Borrowed(without_return(row.line))),
                    Column::Field(_) => value::text(span_of(*column, row), row.block),
                };
                push_cell(out, text.as_deref().unwrap_or_default(), self.style);
            }
        }
        out.push(b'\n');
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
        Column::Field(Some(id)) => row.record.get(id),
        Column::Line | Column::Field(None) => Span::default(),
    }
}
