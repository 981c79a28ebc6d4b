//! Texts compared with numbers.
//!
//! A field that holds numbers in most lines and a word in some is a column of texts. Where such a
//! column is compared with a number, the engine casts all of its texts, and fails at the first that
//! is not a number. Here such a text is null instead, like a value that does not fit its column.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, TryCast};
use datafusion::optimizer::AnalyzerRule;

/// Compares texts with numbers as numbers. It must come before the engine's own coercion.
#[derive(Debug)]
pub(crate) struct TextsAsNumbers;

impl AnalyzerRule for TextsAsNumbers {
    fn name(&self) -> &'static str {
        "texts_as_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(in_plan).map(|t| t.data)
    }
}

fn in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &plan {
        LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
        _ => merge_schema(&plan.inputs()),
    };
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_up(|e| Ok(in_expr(e, &schema)))?.update_data(|e| name.restore(e)))
    })
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { mut left, op, mut right }) if compares(op) => {
            let changed =
                number(&mut left, &[&right], schema) || number(&mut right, &[&left], schema);
            let expr = Expr::BinaryExpr(BinaryExpr { left, op, right });
            if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::Between(Between { mut expr, negated, low, high }) => {
            let changed = number(&mut expr, &[&low, &high], schema);
            let expr = Expr::Between(Between { expr, negated, low, high });
            if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::InList(InList { mut expr, list, negated }) => {
            let others: Vec<&Expr> = list.iter().collect();
            let changed = number(&mut expr, &others, schema);
            let expr = Expr::InList(InList { expr, list, negated });
            if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        other => Transformed::no(other),
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Casts a column of texts to doubles, where all others are numbers: 5.5 passes `text > 5`, too.
fn number(expr: &mut Box<Expr>, others: &[&Expr], schema: &DFSchema) -> bool {
    let is_text = matches!(**expr, Expr::Column(_))
        && expr.get_type(schema).is_ok_and(|kind| kind.is_string());
    let are_numbers = !others.is_empty()
        && others.iter().all(|e| e.get_type(schema).is_ok_and(|kind| kind.is_numeric()));
    if is_text && are_numbers {
        let cast = TryCast::new(expr.clone(), DataType::Float64);
        **expr = Expr::TryCast(cast);
    }
    is_text && are_numbers
}
