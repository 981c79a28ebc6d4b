//! Batches from values: one builder to a column.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::error::ArrowError;
use cutwater_logs::columns::{BATCH_TEXT_BYTES, ColumnBuilder, ColumnType};
use cutwater_logs::misfits::Misfits;
use cutwater_logs::record::{FieldId, Record, Span, without_return};
use cutwater_logs::time::Clock;
use cutwater_logs::value;

use super::shape::Shape;
use crate::column::Source;

fn builder(source: Source, rows: usize) -> ColumnBuilder {
    ColumnBuilder::new(source.column_type(), true, rows)
}

/// A line that becomes a row.
pub(super) struct Line<'a> {
    /// Index of the log.
    pub(super) log: usize,
    pub(super) offset: u64,
    pub(super) number: u64,
    /// The line without its line feed.
    pub(super) raw: &'a [u8],
    pub(super) block: &'a [u8],
    /// `None` for a bad line.
    pub(super) record: Option<&'a Record>,
    /// The field of each column of the table.
    pub(super) ids: &'a [Option<FieldId>],
    /// The name of what is wrong with it.
    pub(super) error: Option<&'static str>,
}

impl Line<'_> {
    #[inline]
    fn span(&self, column: usize) -> Span {
        let id = self.ids.get(column).copied().flatten();
        id.zip(self.record).map_or_else(Span::default, |(id, record)| record.get(id))
    }
}

/// A column that is being built.
struct Shown {
    /// Its index in the table.
    column: usize,
    source: Source,
    builder: ColumnBuilder,
}

/// Batches that are being built.
pub(super) struct Batches {
    shown: Vec<Shown>,
    scratch: Vec<u8>,
    rows: usize,
    text_bytes: usize,
    done: Vec<RecordBatch>,
    failed: Option<ArrowError>,
    /// Values that did not fit their column and are null.
    pub(super) misfits: Misfits,
}

impl Batches {
    pub(super) fn new(shape: &Shape) -> Self {
        let shown = |&column: &usize| {
            let source = shape.columns[column].source;
            Shown { column, source, builder: builder(source, shape.batch_rows) }
        };
        Self {
            shown: shape.shown.iter().map(shown).collect(),
            scratch: Vec::new(),
            rows: 0,
            text_bytes: 0,
            done: Vec::new(),
            failed: None,
            misfits: Misfits::default(),
        }
    }

    /// How many batches are finished.
    pub(super) fn finished(&self) -> usize {
        self.done.len()
    }

    /// Adds a line.
    #[inline]
    pub(super) fn push(&mut self, shape: &Shape, line: &Line<'_>, clock: &mut Clock) {
        for Shown { column, source, builder } in &mut self.shown {
            match source {
                Source::Field(_) => {
                    let span = line.span(*column);
                    self.text_bytes += (span.end - span.start) as usize;
                    if !builder.push(span, line.block, clock, &mut self.scratch) {
                        let name = &shape.columns[*column].name;
                        add_misfit(&mut self.misfits, name, *source, span, line.block);
                    }
                }
                Source::File => {
                    builder.push_text(shape.names.get(line.log).map(String::as_bytes));
                }
                Source::Line => builder.push_integer(line.number),
                Source::Offset => builder.push_integer(line.offset),
                Source::Raw => {
                    let raw = without_return(line.raw);
                    self.text_bytes += raw.len();
                    builder.push_text(Some(raw));
                }
                Source::Error => builder.push_text(line.error.map(str::as_bytes)),
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
            let next = builder(shown.source, shape.batch_rows);
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

#[cold]
fn add_misfit(misfits: &mut Misfits, column: &str, source: Source, span: Span, block: &[u8]) {
    let wanted = match source.column_type() {
        ColumnType::Bool => "true or false",
        ColumnType::Integer => "a whole number",
        ColumnType::Float | ColumnType::Decimal(_) => "a number",
        ColumnType::Timestamp => "a time",
        ColumnType::String => "a text",
    };
    misfits.add(column, wanted, &value::text(span, block).unwrap_or_default());
}
