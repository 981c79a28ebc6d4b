//! The table that the engine sees.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use cutwater_logs::columns::ColumnType;
use cutwater_logs::filter::{Filter, TimeRange};
use cutwater_logs::scan::{Log, Request};
use cutwater_logs::split::decodes_beside;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::sampled;
use crate::column::{Column, ON_DEMAND, Source};
use crate::scan::counters::Counters;
use crate::scan::exec::{LogExec, Scan};
use crate::scan::known::Known;
use crate::scan::pushdown::condition;
use crate::scan::seek::{self, Parts};
use crate::scan::shape::Shape;

/// Bytes of a piece: large enough that starting one costs nothing, small enough that a query stops
/// soon on request.
const PIECE_BYTES: u64 = 1 << 20;

/// Up to this many rows come from one thread, from the start of the logs: users who ask for ten rows
/// want the first ten.
const LIMIT_IN_ORDER: usize = 1 << 16;

/// One or more logs as a table.
#[derive(Debug, Clone)]
pub struct LogTable {
    logs: Arc<Vec<Log>>,
    /// Fields, then the on-demand columns that the query names.
    columns: Vec<Column>,
    schema: SchemaRef,
    counters: Arc<Counters>,
    known: Arc<Known>,
    seek: bool,
}

impl LogTable {
    /// A table of `logs`. Its columns are the fields of lines sampled from them. What its scans
    /// find besides rows is added to `counters`. With `seek`, a time predicate on a log that is sorted
    /// (by its samples) reads only the part that may meet it.
    #[must_use]
    pub fn new(logs: Vec<Log>, counters: Arc<Counters>, seek: bool) -> Self {
        let mut columns = sampled::columns(&logs);
        if logs.len() > 1 {
            columns.push(Column { name: "_file".into(), source: Source::File });
        }
        let schema = sampled::schema(&columns);
        Self { logs: Arc::new(logs), columns, schema, counters, known: Arc::default(), seek }
    }

    /// The same table with the on-demand columns that `wanted` names.
    #[must_use]
    pub fn with_on_demand(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let mut table = self.clone();
        for (name, source) in ON_DEMAND {
            if wanted(name) && !table.columns.iter().any(|c| c.name == name) {
                table.columns.push(Column { name: name.into(), source });
            }
        }
        table.schema = sampled::schema(&table.columns);
        table
    }

    /// Its columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Its logs.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The column that holds the time of all logs.
    #[must_use]
    pub fn time_column(&self) -> Option<usize> {
        let name = self.logs.first()?.time.as_ref()?;
        let same = self.logs.iter().all(|log| log.time.as_ref() == Some(name));
        let is_time =
            |c: &Column| c.name == *name && c.source == Source::Field(ColumnType::Timestamp);
        self.columns.iter().position(is_time).filter(|_| same)
    }

    /// Notes that an answer rests on the order of its logs.
    pub(crate) fn rests_on_order(&self) {
        self.counters.rests_on_order();
    }

    /// Whether time is looked for in sorted logs.
    #[must_use]
    pub fn seeks(&self) -> bool {
        self.seek
    }

    fn shape(&self, shown: Vec<usize>, filter: &Filter, batch_rows: usize) -> Result<Shape> {
        let schema = Arc::new(self.schema.project(&shown)?);
        let is_error = |at: &usize| self.columns[*at].source == Source::Error;
        let bad_lines = shown.iter().any(is_error) || filter.asks_for_errors();
        let names = self.logs.iter().map(|log| log.input.path.display().to_string()).collect();
        let columns = self.columns.clone();
        Ok(Shape { columns, shown, schema, bad_lines, names, batch_rows })
    }

    /// How many pieces there are at most.
    fn pieces(&self) -> usize {
        let pieces = |log: &Log| match log.input.plain() {
            Some(_) => log.input.size().div_ceil(PIECE_BYTES / 4),
            None => 1,
        };
        let pieces: u64 = self.logs.iter().map(pieces).sum();
        usize::try_from(pieces).unwrap_or(usize::MAX)
    }

    /// How many threads have work.
    fn partitions(&self, asked: usize, limit: Option<usize>, filter: &Filter) -> usize {
        if filter.is_empty() && limit.is_some_and(|limit| limit <= LIMIT_IN_ORDER) {
            return 1;
        }
        asked.clamp(1, self.pieces().max(1))
    }

    /// The parts of the logs to read, and a note for people on how they were found.
    fn parts(&self, filter: &Filter) -> Result<(Parts, Option<String>)> {
        let times = match self.time_column().filter(|_| self.seek) {
            Some(time) => filter.time_range(&self.columns[time].name),
            None => TimeRange::default(),
        };
        let parts =
            seek::find(&self.logs, times).map_err(|e| DataFusionError::External(Box::new(e)))?;
        if parts.ranges.iter().any(Option::is_some) {
            self.counters.rests_on_order();
        }
        let words = (!times.is_open()).then(|| {
            let bytes = parts.ranges.iter().flatten().map(|r| r.end - r.start).sum::<u64>();
            let sought = parts.ranges.iter().flatten().count();
            let (pages, unsorted) = (parts.pages_touched, parts.unsorted);
            format!("{sought} logs to {bytes} bytes by {pages} pages, {unsorted} not sorted")
        });
        Ok((parts, words))
    }
}

#[async_trait]
impl TableProvider for LogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = &state.config().options().execution;
        let shown = projection.cloned().unwrap_or_else(|| (0..self.columns.len()).collect());
        let conditions = filters.iter().filter_map(|f| condition(f, &self.columns)).collect();
        let filter = Filter::all(conditions);
        let partitions = self.partitions(options.target_partitions, limit, &filter);
        let (parts, seek) = self.parts(&filter)?;
        let shape = self.shape(shown, &filter, options.batch_size.get())?;
        let is_whole = filter.is_empty() && limit.is_none() && !shape.bad_lines;
        let mut request = Request::new(partitions);
        request.limits.piece_bytes = PIECE_BYTES;
        request.filter = filter;
        request.records_only = true;
        let inputs = self.logs.iter().map(|log| &log.input);
        request.decodes_beside = decodes_beside(options.target_partitions, self.pieces(), inputs);
        request.examine_all = shape.bad_lines;
        request.ranges = parts.ranges;
        Ok(Arc::new(LogExec::new(Scan {
            logs: Arc::clone(&self.logs),
            request: Arc::new(request),
            shape: Arc::new(shape),
            counters: Arc::clone(&self.counters),
            limit,
            partitions,
            conditions: filters.iter().map(ToString::to_string).collect(),
            seek,
            rows_estimated: sampled::rows_estimated(&self.logs),
            known: is_whole.then(|| Arc::clone(&self.known)),
        })))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let exact = |filter: &&Expr| match condition(filter, &self.columns) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(exact).collect())
    }
}
