//! Texts compared with numbers.
//!
//! A field that holds numbers in most lines and a word in some is a column of texts, and so is one
//! whose numbers are in quotes. Where such a column is compared with a number, the engine casts all of
//! its texts to one type, and fails at the first that is not a number. Here the two are compared as
//! numbers with all their digits, as `scan` compares them; a text that is no number is null, like a value
//! that does not fit its column, and is counted.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use crate::Counters;
use crate::functions::number_order;

/// Compares texts with numbers as numbers. It must come before the engine's own coercion.
#[derive(Debug)]
pub(crate) struct TextsAsNumbers(pub(crate) Arc<Counters>);

impl AnalyzerRule for TextsAsNumbers {
    fn name(&self) -> &'static str {
        "texts_as_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            each_expr(plan, |e, schema| self.in_expr(e, schema))
        })
        .map(|t| t.data)
    }
}

/// Changes the expressions of a plan's node, whose names stay.
pub(crate) fn each_expr(
    plan: LogicalPlan,
    change: impl Fn(Expr, &DFSchema) -> Transformed<Expr>,
) -> Result<Transformed<LogicalPlan>> {
    let schema = match &plan {
        LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
        _ => merge_schema(&plan.inputs()),
    };
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_up(|e| Ok(change(e, &schema)))?.update_data(|e| name.restore(e)))
    })
}

impl TextsAsNumbers {
    fn in_expr(&self, expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
        let changed = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => self
                .order(left, &[right], schema)
                .map(|order| order.compared(*op, right))
                .or_else(|| {
                    let order = self.order(right, &[left], schema)?;
                    Some(order.compared(op.swap()?, left))
                }),
            Expr::Between(Between { expr, negated, low, high }) => {
                self.order(expr, &[low, high], schema).map(|order| {
                    let within = order.compared(Operator::GtEq, low);
                    let within = within.and(order.compared(Operator::LtEq, high));
                    if *negated { !within } else { within }
                })
            }
            Expr::InList(InList { expr, list, negated }) => {
                let values: Vec<&Expr> = list.iter().collect();
                self.order(expr, &values, schema).map(|order| {
                    let equal = list.iter().map(|value| order.compared(Operator::Eq, value));
                    let among = any_of(equal.collect());
                    if *negated { !among } else { among }
                })
            }
            _ => None,
        };
        changed.map_or_else(|| Transformed::no(expr), Transformed::yes)
    }

    /// How to compare `expr`, where it is a text and all others are numbers. A literal is none: the engine
    /// makes it one of the type of the other side, or refuses it.
    fn order(&self, expr: &Expr, others: &[&Expr], schema: &DFSchema) -> Option<Order> {
        if matches!(expr, Expr::Literal(..) | Expr::Placeholder(_)) {
            return None;
        }
        let column = match expr {
            Expr::Column(column) => column.name.clone(),
            other => other.schema_name().to_string(),
        };
        let is_text = expr.get_type(schema).is_ok_and(|kind| kind.is_string());
        let are_numbers = !others.is_empty()
            && others.iter().all(|e| e.get_type(schema).is_ok_and(|kind| kind.is_numeric()));
        let counters = Arc::clone(&self.0);
        (is_text && are_numbers).then(|| Order { expr: expr.clone(), column, counters })
    }
}

/// Texts that are compared as numbers.
struct Order {
    expr: Expr,
    /// What they are called.
    column: String,
    counters: Arc<Counters>,
}

impl Order {
    fn compared(&self, op: Operator, with: &Expr) -> Expr {
        let with = cast(with.clone(), DataType::Utf8);
        let order = number_order(&self.column, &self.counters).call(vec![self.expr.clone(), with]);
        Expr::BinaryExpr(BinaryExpr::new(Box::new(order), op, Box::new(lit(0_i64))))
    }
}

/// Whether one of several holds. The halves keep the tree as flat as its size allows.
fn any_of(mut conditions: Vec<Expr>) -> Expr {
    if conditions.len() > 1 {
        let rest = conditions.split_off(conditions.len() / 2);
        return any_of(conditions).or(any_of(rest));
    }
    conditions.pop().unwrap_or_else(|| lit(false))
}

pub(crate) fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}
