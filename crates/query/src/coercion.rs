//! Texts compared with numbers, and with durations and sizes.
//!
//! A field that holds numbers in most lines and a word in some is a column of texts, and so is one
//! whose numbers are in quotes. Where such a column is compared with a number, the engine casts all of
//! its texts to one type, and fails at the first that is not a number. Here the two are compared as
//! numbers with all their digits, as `scan` compares them; a text that is no number is null, like a value
//! that does not fit its column, and is counted.
//!
//! A text that is compared with a duration or a size in quotes, as in `took > '100ms'`, is compared by
//! value, too.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast, lit};
use datafusion::optimizer::AnalyzerRule;

use cutwater_logs::value::{Quantity, parse_quantity};

use crate::Counters;
use crate::functions::{number_order, quantity_order};

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
        let changed = changed.or_else(|| self.by_quantity(&expr, schema));
        changed.map_or_else(|| Transformed::no(expr), Transformed::yes)
    }

    /// A comparison of a text with quantities in quotes.
    fn by_quantity(&self, expr: &Expr, schema: &DFSchema) -> Option<Expr> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                if let Some(with) = quantity(right) {
                    return Some(self.text(left, schema)?.beside(*op, right, with));
                }
                let with = quantity(left)?;
                Some(self.text(right, schema)?.beside(op.swap()?, left, with))
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let (from, to) = (quantity(low)?, quantity(high)?);
                let text = self.text(expr, schema)?;
                let within = text.beside(Operator::GtEq, low, from);
                let within = within.and(text.beside(Operator::LtEq, high, to));
                Some(if *negated { !within } else { within })
            }
            Expr::InList(InList { expr, list, negated }) => {
                let text = self.text(expr, schema).filter(|_| list.iter().any(is_quantity))?;
                let equal = list.iter().map(|value| match quantity(value) {
                    Some(with) => text.beside(Operator::Eq, value, with),
                    None => text.expr.clone().eq(value.clone()),
                });
                let among = any_of(equal.collect());
                Some(if *negated { !among } else { among })
            }
            _ => None,
        }
    }

    /// How to compare `expr`, where it is a text and all others are numbers.
    fn order(&self, expr: &Expr, others: &[&Expr], schema: &DFSchema) -> Option<Order> {
        let are_numbers = !others.is_empty()
            && others.iter().all(|e| e.get_type(schema).is_ok_and(|kind| kind.is_numeric()));
        self.text(expr, schema).filter(|_| are_numbers)
    }

    /// How to compare `expr`, if it is a text. Not a literal: the engine gives it the type of the
    /// other side, or refuses it.
    fn text(&self, expr: &Expr, schema: &DFSchema) -> Option<Order> {
        if matches!(expr, Expr::Literal(..) | Expr::Placeholder(_)) {
            return None;
        }
        let column = match expr {
            Expr::Column(column) => column.name.clone(),
            other => other.schema_name().to_string(),
        };
        let is_text = expr.get_type(schema).is_ok_and(|kind| kind.is_string());
        let counters = Arc::clone(&self.0);
        is_text.then(|| Order { expr: expr.clone(), column, counters })
    }
}

/// The quantity that a literal is.
fn quantity(expr: &Expr) -> Option<Quantity> {
    let Expr::Literal(value, _) = expr else { return None };
    parse_quantity(value.try_as_str()??.as_bytes())
}

fn is_quantity(expr: &Expr) -> bool {
    quantity(expr).is_some()
}

/// Texts that are compared by value.
struct Order {
    expr: Expr,
    /// Their column.
    column: String,
    counters: Arc<Counters>,
}

impl Order {
    fn compared(&self, op: Operator, with: &Expr) -> Expr {
        let with = cast(with.clone(), DataType::Utf8);
        self.by(&number_order(&self.column, &self.counters), op, with)
    }

    /// Compared with the quantity that `with` is.
    fn beside(&self, op: Operator, with: &Expr, quantity: Quantity) -> Expr {
        use Operator::{Eq, IsDistinctFrom, IsNotDistinctFrom, NotEq};
        let equal = matches!(op, Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom);
        let order = quantity_order(&self.column, &self.counters, quantity, equal);
        self.by(&order, op, with.clone())
    }

    fn by(&self, order: &ScalarUDF, op: Operator, with: Expr) -> Expr {
        let order = order.call(vec![self.expr.clone(), with]);
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
