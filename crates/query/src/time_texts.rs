//! Times as people write them in a query: `ts > '2026-11-28 10:03'`.
//!
//! The engine reads RFC 3339 and little else. All other layouts of logs are read here, in UTC as the
//! columns are.

use datafusion::arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use cutwater_logs::time::{Clock, Nanos, Rules};
use cutwater_logs::value::parse_number;

use crate::coercion::{compares, each_expr};

/// The length of a time of day without seconds, after its date: `2026-11-28 10:03`.
const TO_THE_MINUTE: usize = 16;

/// Reads texts that are compared with times.
#[derive(Debug)]
pub(crate) struct TimeTexts;

impl AnalyzerRule for TimeTexts {
    fn name(&self) -> &'static str {
        "time_texts"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| each_expr(plan, in_expr)).map(|t| t.data)
    }
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is_time =
        |e: &Expr| matches!(e.get_type(schema), Ok(DataType::Timestamp(TimeUnit::Nanosecond, _)));
    match expr {
        Expr::BinaryExpr(BinaryExpr { mut left, op, mut right }) if compares(op) => {
            let changed = is_time(&left) && read(&mut right) || is_time(&right) && read(&mut left);
            maybe(changed, Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, mut low, mut high }) => {
            let changed = is_time(&expr) && (read(&mut low) | read(&mut high));
            maybe(changed, Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, mut list, negated }) => {
            let texts = is_time(&expr);
            let changed = list.iter_mut().filter(|_| texts).map(read).fold(false, |a, b| a | b);
            maybe(changed, Expr::InList(InList { expr, list, negated }))
        }
        Expr::Cast(Cast { mut expr, field }) => {
            let changed = matches!(field.data_type(), DataType::Timestamp(..)) && read(&mut expr);
            maybe(changed, Expr::Cast(Cast { expr, field }))
        }
        other => Transformed::no(other),
    }
}

fn maybe(changed: bool, expr: Expr) -> Transformed<Expr> {
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

/// Makes a text that the engine does not read a time, if it is one.
fn read(expr: &mut Expr) -> bool {
    let Expr::Literal(value, _) = &*expr else { return false };
    let Some(nanos) = value.try_as_str().flatten().and_then(time) else { return false };
    *expr = Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())), None);
    true
}

/// The time of a text that the engine does not read.
fn time(text: &str) -> Option<Nanos> {
    let text = text.trim();
    if string_to_timestamp_nanos(text).is_ok() || parse_number(text.as_bytes()).is_some() {
        return None;
    }
    let mut clock = Clock::new(Rules::default());
    clock.parse(text.as_bytes()).or_else(|| {
        let padded = format!("{text}:00");
        clock.parse(padded.as_bytes()).filter(|_| text.len() == TO_THE_MINUTE)
    })
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn what_the_engine_reads_is_left_to_it() {
        for text in ["2026-11-28T10:03:00Z", "2026-11-28 10:03:00", "2026-11-28", "soon", "5", ""] {
            assert_eq!(time(text), None, "{text}");
        }
        let at = Some(1_795_860_180_000_000_000);
        for text in ["2026-11-28 10:03", "2026-11-28T10:03", "28/Nov/2026:10:03:00 +0000"] {
            assert_eq!(time(text), at, "{text}");
        }
    }
}
