//! From records to batches: the sink of a pass.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use cutwater_logs::FieldId;
use cutwater_logs::misfits::Misfits;
use cutwater_logs::record::Fields;
use cutwater_logs::scan::{BadRow, Row, Sink};
use cutwater_logs::time::Clock;

use super::batches::{Batches, Line};
use super::shape::Shape;

/// Batches to hold before the sink asks for them to be taken.
const BATCHES_HELD: usize = 4;

/// Makes batches of lines.
pub(crate) struct Rows {
    shape: Arc<Shape>,
    /// The columns that show fields.
    fields: Vec<usize>,
    /// The field of each column of the table.
    ids: Vec<Option<FieldId>>,
    batches: Batches,
    /// Lines before those whose numbers begin at 1 again.
    pub(crate) lines_before: u64,
}

impl Rows {
    pub(crate) fn new(shape: Arc<Shape>) -> Self {
        Self {
            fields: shape.fields(),
            ids: vec![None; shape.columns.len()],
            batches: Batches::new(&shape),
            lines_before: 0,
            shape,
        }
    }

    /// Makes a batch of what is left.
    pub(crate) fn flush(&mut self) {
        self.batches.flush(&self.shape);
    }

    /// Hands the finished batches over, until `each` breaks.
    ///
    /// # Errors
    /// When Arrow refused a batch.
    pub(crate) fn drain(
        &mut self,
        each: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ArrowError> {
        self.batches.drain(each)
    }

    /// Values that did not fit their column and are null.
    pub(crate) fn misfits(&self) -> &Misfits {
        &self.batches.misfits
    }
}

impl Sink for Rows {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.fields.iter().map(|&at| self.shape.columns[at].name.clone()).collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        for &at in &self.fields {
            self.ids[at] = fields.add(&self.shape.columns[at].name);
        }
    }

    #[inline]
    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        let line = Line {
            log: row.log,
            offset: row.offset,
            number: self.lines_before + row.number,
            raw: row.line,
            block: row.block,
            record: Some(row.record),
            ids: &self.ids,
            error: None,
        };
        self.batches.push(&self.shape, &line, clock);
    }

    fn bad(&mut self, bad: &BadRow<'_>) {
        if !self.shape.bad_lines {
            return;
        }
        let line = Line {
            log: bad.log,
            offset: bad.offset,
            number: self.lines_before + bad.number,
            raw: bad.line,
            block: &[],
            record: None,
            ids: &[],
            error: Some(bad.reason.name()),
        };
        // A bad line has no field, so any clock will do.
        let mut clock = Clock::new(cutwater_logs::time::Rules::default());
        self.batches.push(&self.shape, &line, &mut clock);
    }

    fn is_full(&self) -> bool {
        self.batches.finished() >= BATCHES_HELD
    }

    fn take(&mut self) {}
}
