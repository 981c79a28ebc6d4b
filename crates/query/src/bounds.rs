//! `min` and `max` of the time of sorted logs, by a look at their ends.
//!
//! In a log whose samples are sorted, the first and the last record in time are taken to be within
//! [`SLACK`] of its ends, as they are for a time range on it.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use cutwater_logs::record::Fields;
use cutwater_logs::scan::{Log, Request, Row, Sink, scan};
use cutwater_logs::seek::{SLACK, last_time, seek};
use cutwater_logs::split::Stop;
use cutwater_logs::time::{Clock, Nanos};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Aggregate, EmptyRelation, Expr, ExprSchemable, LogicalPlan, Projection, TableScan,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::LogTable;

/// The most logs whose ends are looked at.
const LOGS_MAX: usize = 1024;

/// Replaces the aggregate by its values.
#[derive(Debug, Default)]
pub(crate) struct TimeBounds;

impl OptimizerRule for TimeBounds {
    fn name(&self) -> &'static str {
        "time_bounds_of_sorted_logs"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let values = match &plan {
            LogicalPlan::Aggregate(aggregate) => values(aggregate),
            _ => None,
        };
        let (Some(values), LogicalPlan::Aggregate(aggregate)) = (values, &plan) else {
            return Ok(Transformed::no(plan));
        };
        let one_row = EmptyRelation { produce_one_row: true, schema: Arc::new(DFSchema::empty()) };
        let schema = Arc::clone(&aggregate.schema);
        let input = Arc::new(LogicalPlan::EmptyRelation(one_row));
        let projection = Projection::try_new_with_schema(values, input, schema)?;
        Ok(Transformed::yes(LogicalPlan::Projection(projection)))
    }
}

/// The aggregate's values, where each is a bound of the time of all logs of a table.
fn values(aggregate: &Aggregate) -> Option<Vec<Expr>> {
    if !aggregate.group_expr.is_empty() || aggregate.aggr_expr.is_empty() {
        return None;
    }
    let scan = table_scan(&aggregate.input)?;
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<LogTable>()?;
    let time = &table.columns()[table.time_column()?].name;
    let asked: Vec<(bool, String)> =
        aggregate.aggr_expr.iter().map(|e| bound(e, time)).collect::<Option<_>>()?;
    let (first, last) = time_bounds_of_table(table)?;
    table.rests_on_order();
    let field = |at: usize| aggregate.schema.field(at).data_type().clone();
    let value = |(at, (is_min, name)): (usize, (bool, String))| {
        let nanos = if is_min { first } else { last };
        let value = ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into()));
        let value = Expr::Literal(value, None);
        let same = value.get_type(&aggregate.schema).is_ok_and(|kind| kind == field(at));
        same.then(|| value.alias(name))
    };
    asked.into_iter().enumerate().map(value).collect()
}

/// The scan below, where nothing is between that would leave rows out.
fn table_scan(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            (scan.filters.is_empty() && scan.fetch.is_none()).then_some(scan)
        }
        LogicalPlan::SubqueryAlias(alias) => table_scan(&alias.input),
        _ => None,
    }
}

/// Whether an expression is `min(time)`, or `max(time)`; and what it is called.
fn bound(expr: &Expr, time: &str) -> Option<(bool, String)> {
    let name = expr.schema_name().to_string();
    let inner = match expr {
        Expr::Alias(alias) => &*alias.expr,
        other => other,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = inner else { return None };
    let plain = !params.distinct && params.filter.is_none() && params.order_by.is_empty();
    let [Expr::Column(column)] = &params.args[..] else { return None };
    if !plain || column.name != time {
        return None;
    }
    match func.name() {
        "min" => Some((true, name)),
        "max" => Some((false, name)),
        _ => None,
    }
}

/// The first and the last time of all logs; `None` where one has to be read for it.
fn time_bounds_of_table(table: &LogTable) -> Option<(Nanos, Nanos)> {
    let logs = table.logs();
    if !table.seeks() || logs.is_empty() || logs.len() > LOGS_MAX {
        return None;
    }
    let bounds: Option<Vec<_>> = logs.iter().map(time_bounds_of_log).collect();
    let bounds = bounds?;
    let first = bounds.iter().map(|b| b.0).min()?;
    let last = bounds.iter().map(|b| b.1).max()?;
    Some((first, last))
}

/// The first and the last time of a log. A failure to read is reported when the log is read.
fn time_bounds_of_log(log: &Log) -> Option<(Nanos, Nanos)> {
    let last_seen = last_time(log).ok()??;
    let tail = seek(log, Some(last_seen.saturating_sub(SLACK)), None).ok()??;
    if !tail.sorted {
        return None;
    }
    let size = log.input.size();
    // The first record is within a handful of pages of the start, or the log is read whole.
    let mut head_bytes = 1 << 16;
    let first_seen = loop {
        let end = size.min(head_bytes);
        match bounds(log, 0..end) {
            Some((first, _)) => break first,
            None if end == size => return None,
            None => head_bytes *= 4,
        }
    };
    let head = seek(log, None, Some(first_seen.saturating_add(SLACK))).ok()??;
    let (first, _) = bounds(log, head.range)?;
    let (_, last) = bounds(log, tail.range)?;
    Some((first, last))
}

/// The earliest and the latest time of the records in a range.
fn bounds(log: &Log, range: Range<u64>) -> Option<(Nanos, Nanos)> {
    let mut request = Request::new(1);
    request.with_time = true;
    request.ranges = vec![Some(range)];
    let logs = std::slice::from_ref(log);
    let done =
        scan(logs, &request, &Stop::default(), Times::default, |_, _| ControlFlow::Continue(()));
    if !done.failures.is_empty() {
        return None;
    }
    done.sinks.into_iter().next()?.0
}

/// Notes the earliest and the latest time.
#[derive(Default)]
struct Times(Option<(Nanos, Nanos)>);

impl Sink for Times {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        if let Some(time) = row.time {
            let (first, last) = self.0.unwrap_or((time, time));
            self.0 = Some((first.min(time), last.max(time)));
        }
    }
}
