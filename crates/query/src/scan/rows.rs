//! From records to batches: the sink of a pass.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use cutwater_logs::FieldId;
use cutwater_logs::record::Fields;
use cutwater_logs::scan::{BadRow, Row, Sink};
use cutwater_logs::time::Clock;

use super::batches::{At, Batches};
use super::cond::{Cond, Line, Place};
use crate::table::{Column, Source};

/// Batches that are held before they are asked to be taken.
const BATCHES_HELD: usize = 4;

/// What a pass makes of lines; shared by all its threads.
#[derive(Debug)]
pub(crate) struct Shape {
    /// All columns of the table.
    pub(crate) columns: Vec<Column>,
    /// Those that are shown, in their order.
    pub(crate) shown: Vec<usize>,
    /// The schema of those.
    pub(crate) schema: SchemaRef,
    /// What lines must meet.
    pub(crate) cond: Cond,
    /// Whether bad lines are rows.
    pub(crate) bad_lines: bool,
    /// Paths of the logs.
    pub(crate) names: Vec<String>,
    pub(crate) batch_rows: usize,
}

impl Shape {
    /// The columns whose fields have to be found in lines.
    fn needed(&self) -> Vec<usize> {
        let mut places = Vec::new();
        self.cond.places(&mut places);
        let tested = places.into_iter().filter_map(|place| match place {
            Place::Column(column) => Some(column),
            Place::Raw | Place::Error => None,
        });
        let mut needed: Vec<usize> = self.shown.iter().copied().chain(tested).collect();
        needed.sort_unstable();
        needed.dedup();
        needed.retain(|&at| matches!(self.columns[at].source, Source::Field(_)));
        needed
    }
}

/// Makes batches of the lines that meet the condition.
pub(crate) struct Rows {
    shape: Arc<Shape>,
    needed: Vec<usize>,
    /// The field of each column of the table.
    ids: Vec<Option<FieldId>>,
    batches: Batches,
    /// Lines before those whose numbers begin at 1 again.
    pub(crate) lines_before: u64,
}

impl Rows {
    pub(crate) fn new(shape: Arc<Shape>) -> Self {
        Self {
            needed: shape.needed(),
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

    /// Values that did not fit their column and are null, by column of the table.
    pub(crate) fn misfits(&self) -> &[u64] {
        &self.batches.misfits
    }
}

impl Sink for Rows {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.needed.iter().map(|&at| self.shape.columns[at].name.clone()).collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        for &at in &self.needed {
            self.ids[at] = fields.add(&self.shape.columns[at].name);
        }
    }

    #[inline]
    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        let (raw, block, record) = (row.line, row.block, Some(row.record));
        let line = Line { raw, block, record, ids: &self.ids, error: None };
        if self.shape.cond.holds(&line, clock) {
            let number = self.lines_before + row.number;
            let at = At { log: row.log, offset: row.offset, number };
            self.batches.push(&self.shape, &line, at, clock);
        }
    }

    fn bad(&mut self, bad: &BadRow<'_>) {
        if !self.shape.bad_lines {
            return;
        }
        let error = Some(bad.reason.name());
        let line = Line { raw: bad.line, block: &[], record: None, ids: &[], error };
        // No field of a bad line is looked at, so that any clock will do.
        let mut clock = Clock::new(cutwater_logs::time::Rules::default());
        if self.shape.cond.holds(&line, &mut clock) {
            let number = self.lines_before + bad.number;
            let at = At { log: bad.log, offset: bad.offset, number };
            self.batches.push(&self.shape, &line, at, &mut clock);
        }
    }

    fn is_full(&self) -> bool {
        self.batches.finished() >= BATCHES_HELD
    }

    fn take(&mut self) {}
}
