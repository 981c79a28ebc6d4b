//! Batches of chosen fields: the sink of a pass.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};

use super::{BATCH_TEXT_BYTES, ColumnBuilder, ColumnSpec, schema};
use crate::filter::LINE;
use crate::record::{FieldId, Fields, Span, SpanKind, without_return};
use crate::scan::{Row, Sink};
use crate::time::Clock;

/// Rows of a batch: enough that its frame costs nothing, few enough to stay in a cache.
const BATCH_ROWS: usize = 1 << 16;

/// Makes batches of chosen fields.
#[derive(Debug)]
pub struct Columns {
    schema: SchemaRef,
    specs: Vec<ColumnSpec>,
    ids: Vec<Option<FieldId>>,
    builders: Vec<ColumnBuilder>,
    scratch: Vec<u8>,
    rows: usize,
    text_bytes: usize,
    /// For each column, how many values did not fit its type and are null.
    pub misfits: Vec<u64>,
    /// The error of the first batch that Arrow refused; the rows of that batch are lost.
    pub failed: Option<ArrowError>,
}

impl Columns {
    /// Makes batches of these columns.
    #[must_use]
    pub fn new(specs: &[ColumnSpec]) -> Self {
        Self {
            schema: schema(specs),
            specs: specs.to_vec(),
            ids: Vec::new(),
            builders: specs.iter().map(builder).collect(),
            scratch: Vec::new(),
            rows: 0,
            text_bytes: 0,
            misfits: vec![0; specs.len()],
            failed: None,
        }
    }
}

/// A builder that grows, as the last batch of a piece may have few rows.
fn builder(spec: &ColumnSpec) -> ColumnBuilder {
    ColumnBuilder::new(spec.kind, spec.exact, 0)
}

impl Sink for Columns {
    type Out = Option<RecordBatch>;

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.specs.iter().map(|s| s.name.clone()).filter(|n| n != LINE).collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        let id = |spec: &ColumnSpec| (spec.name != LINE).then(|| fields.add(&spec.name)).flatten();
        self.ids = self.specs.iter().map(id).collect();
    }

    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        for (at, (spec, id)) in self.specs.iter().zip(&self.ids).enumerate() {
            let (span, block) = if spec.name == LINE {
                let line = without_return(row.line);
                (Span::new(SpanKind::Str, 0, line.len()), line)
            } else {
                (id.map_or_else(Span::default, |id| row.record.get(id)), row.block)
            };
            self.text_bytes += span.bytes(block).len();
            let fits = self.builders[at].push(span, block, clock, &mut self.scratch);
            self.misfits[at] += u64::from(!fits);
        }
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.text_bytes >= BATCH_TEXT_BYTES
    }

    fn take(&mut self) -> Option<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        self.text_bytes = 0;
        let builders = self.specs.iter().map(builder).collect();
        let builders = std::mem::replace(&mut self.builders, builders);
        let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        match RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options) {
            Ok(batch) => Some(batch),
            Err(e) => {
                self.failed.get_or_insert(e);
                None
            }
        }
    }
}
