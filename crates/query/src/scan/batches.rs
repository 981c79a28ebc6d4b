//! Batches from values: one builder to a column.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder,
    RecordBatch, RecordBatchOptions, StringArray, TimestampNanosecondBuilder,
};
use arrow::error::ArrowError;
use cutwater_logs::columns::ColumnType;
use cutwater_logs::json::unescape_into;
use cutwater_logs::record::{Span, SpanKind};
use cutwater_logs::time::Clock;
use cutwater_logs::value;

use super::cond::Line;
use super::rows::Shape;
use super::values;
use crate::table::Source;

/// A batch is handed over when its texts have this many bytes, since rows times columns times
/// threads is memory.
const BATCH_TEXT_BYTES: usize = 4 << 20;

enum Builder {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Time(TimestampNanosecondBuilder),
    /// Bytes; that they are UTF-8 is found for a whole batch at once.
    Text(BinaryBuilder),
}

impl Builder {
    /// One with room for as many rows as a batch has, so that it never moves; texts grow.
    fn new(source: Source, rows: usize) -> Self {
        match source {
            Source::Field(ColumnType::Bool) => Self::Bool(BooleanBuilder::with_capacity(rows)),
            Source::Field(ColumnType::Integer) | Source::Line | Source::Offset => {
                Self::Integer(Int64Builder::with_capacity(rows))
            }
            Source::Field(ColumnType::Float) => Self::Float(Float64Builder::with_capacity(rows)),
            Source::Field(ColumnType::Timestamp) => {
                let times = TimestampNanosecondBuilder::with_capacity(rows);
                Self::Time(times.with_timezone("UTC"))
            }
            Source::Field(ColumnType::String) | Source::File | Source::Raw | Source::Error => {
                Self::Text(BinaryBuilder::new())
            }
        }
    }

    /// Appends the value of a field, or null; false where there is one that does not fit.
    #[inline(always)]
    fn push(&mut self, span: Span, block: &[u8], clock: &mut Clock, scratch: &mut Vec<u8>) -> bool {
        let fits = match self {
            Self::Bool(b) => {
                let value = values::boolean(span, block);
                b.append_option(value);
                value.is_some()
            }
            Self::Integer(b) => {
                let value = values::integer(span, block);
                b.append_option(value);
                value.is_some()
            }
            Self::Float(b) => {
                let value = values::double(span, block);
                b.append_option(value);
                value.is_some()
            }
            Self::Time(b) => {
                let value = values::time(span, block, clock);
                b.append_option(value);
                value.is_some()
            }
            Self::Text(b) => {
                match span.kind {
                    SpanKind::Missing | SpanKind::Null => b.append_null(),
                    SpanKind::Escaped => {
                        scratch.clear();
                        unescape_into(span.bytes(block), scratch);
                        b.append_value(&*scratch);
                    }
                    SpanKind::Quoted => b.append_option(value::text(span, block)),
                    _ => b.append_value(span.bytes(block)),
                }
                true
            }
        };
        fits || values::is_null(span)
    }

    fn text(&mut self, text: Option<&[u8]>) {
        if let Self::Text(b) = self {
            b.append_option(text);
        }
    }

    fn number(&mut self, value: u64) {
        if let Self::Integer(b) = self {
            b.append_value(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    fn finish(mut self) -> ArrayRef {
        match &mut self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Integer(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(texts(b.finish())),
        }
    }
}

/// Bytes as texts; what is not UTF-8 becomes U+FFFD.
fn texts(bytes: BinaryArray) -> StringArray {
    StringArray::try_from_binary(bytes.clone()).unwrap_or_else(|_| {
        let text = |b: Option<&[u8]>| b.map(|b| String::from_utf8_lossy(b).into_owned());
        bytes.iter().map(text).collect()
    })
}

/// Where in a log a line is.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) log: usize,
    pub(super) offset: u64,
    pub(super) number: u64,
}

/// A column in the making.
struct Shown {
    /// Which one of the table it is.
    column: usize,
    source: Source,
    builder: Builder,
}

/// Batches in the making.
pub(super) struct Batches {
    shown: Vec<Shown>,
    scratch: Vec<u8>,
    rows: usize,
    text_bytes: usize,
    done: Vec<RecordBatch>,
    failed: Option<ArrowError>,
    /// Values that did not fit their column and are null, by column of the table.
    pub(super) misfits: Vec<u64>,
}

impl Batches {
    pub(super) fn new(shape: &Shape) -> Self {
        let shown = |&column: &usize| {
            let source = shape.columns[column].source;
            Shown { column, source, builder: Builder::new(source, shape.batch_rows) }
        };
        Self {
            shown: shape.shown.iter().map(shown).collect(),
            scratch: Vec::new(),
            rows: 0,
            text_bytes: 0,
            done: Vec::new(),
            failed: None,
            misfits: vec![0; shape.columns.len()],
        }
    }

    /// How many batches are finished.
    pub(super) fn finished(&self) -> usize {
        self.done.len()
    }

    /// Adds a line.
    #[inline]
    pub(super) fn push(&mut self, shape: &Shape, line: &Line<'_>, at: At, clock: &mut Clock) {
        for Shown { column, source, builder } in &mut self.shown {
            match source {
                Source::Field(_) => {
                    let span = line.span(*column);
                    self.text_bytes += (span.end - span.start) as usize;
                    if !builder.push(span, line.block, clock, &mut self.scratch) {
                        self.misfits[*column] += 1;
                    }
                }
                Source::File => builder.text(shape.names.get(at.log).map(String::as_bytes)),
                Source::Line => builder.number(at.number),
                Source::Offset => builder.number(at.offset),
                Source::Raw => {
                    self.text_bytes += line.raw.len();
                    builder.text(Some(line.raw));
                }
                Source::Error => builder.text(line.error.map(str::as_bytes)),
            }
        }
        self.rows += 1;
        if self.rows >= shape.batch_rows || self.text_bytes >= BATCH_TEXT_BYTES {
            self.flush(shape);
        }
    }

    /// Makes a batch of the rows held.
    pub(super) fn flush(&mut self, shape: &Shape) {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        if rows == 0 {
            return;
        }
        let finish = |shown: &mut Shown| {
            let next = Builder::new(shown.source, shape.batch_rows);
            std::mem::replace(&mut shown.builder, next).finish()
        };
        let arrays = self.shown.iter_mut().map(finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        match RecordBatch::try_new_with_options(Arc::clone(&shape.schema), arrays, &options) {
            Ok(batch) => self.done.push(batch),
            Err(e) => self.failed = self.failed.take().or(Some(e)),
        }
    }

    /// Hands the finished batches over, until `each` breaks.
    ///
    /// # Errors
    /// When Arrow refused a batch.
    pub(super) fn drain(
        &mut self,
        mut each: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ArrowError> {
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        for batch in self.done.drain(..) {
            if each(batch).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
