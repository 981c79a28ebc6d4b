//! From the engine's expressions to conditions on lines, where both mean exactly the same.

use cutwater_logs::columns::ColumnType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::cond::{Compare, Cond, Place, Test};
use super::values;
use crate::table::{Column, Source};

/// The longest list of an IN that is looked up value by value.
const LIST_MAX: usize = 64;

/// The condition that is true of the same lines as `expr`; nothing where there is none.
pub(crate) fn condition(expr: &Expr, columns: &[Column]) -> Option<Cond> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Some(Cond::All(vec![condition(left, columns)?, condition(right, columns)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(Cond::Any(vec![condition(left, columns)?, condition(right, columns)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => binary(left, *op, right, columns),
        Expr::IsNull(inner) => null(inner, true, columns),
        Expr::IsNotNull(inner) => null(inner, false, columns),
        Expr::Like(like) => self::like(like, columns),
        Expr::InList(InList { expr, list, negated: false }) if list.len() <= LIST_MAX => {
            let equal = |value: &Expr| binary(expr, Operator::Eq, value, columns);
            list.iter().map(equal).collect::<Option<_>>().map(Cond::Any)
        }
        Expr::Column(_) => boolean(expr, true, columns),
        Expr::Not(inner) => boolean(inner, false, columns),
        _ => None,
    }
}

/// The column that an expression is, with its place.
fn place<'a>(expr: &Expr, columns: &'a [Column]) -> Option<(Place, &'a Column)> {
    let Expr::Column(named) = expr else { return None };
    let at = columns.iter().position(|c| c.name == named.name)?;
    let place = match columns[at].source {
        Source::Field(_) => Place::Column(at),
        Source::Raw => Place::Raw,
        Source::Error => Place::Error,
        Source::File | Source::Line | Source::Offset => return None,
    };
    Some((place, &columns[at]))
}

fn null(expr: &Expr, wanted: bool, columns: &[Column]) -> Option<Cond> {
    let (place, column) = place(expr, columns)?;
    // A value that does not fit its column is null there, and only building it would tell.
    let told = matches!(column.source, Source::Field(ColumnType::String) | Source::Error);
    told.then_some(Cond::Test(place, Test::Null(wanted)))
}

fn boolean(expr: &Expr, wanted: bool, columns: &[Column]) -> Option<Cond> {
    let (place, column) = place(expr, columns)?;
    let is = column.source == Source::Field(ColumnType::Bool);
    is.then_some(Cond::Test(place, Test::Bool(wanted)))
}

fn binary(left: &Expr, op: Operator, right: &Expr, columns: &[Column]) -> Option<Cond> {
    if let (Expr::Literal(..), Expr::Column(_)) = (left, right) {
        let turned = compare(op)?.turned();
        return comparison(right, turned, left, columns);
    }
    let matches = match op {
        Operator::RegexMatch => Some((true, false)),
        Operator::RegexNotMatch => Some((false, false)),
        Operator::RegexIMatch => Some((true, true)),
        Operator::RegexNotIMatch => Some((false, true)),
        _ => None,
    };
    let Some((wanted, any_case)) = matches else {
        return comparison(left, compare(op)?, right, columns);
    };
    let (place, column) = place(left, columns)?;
    let pattern = text_of(right).filter(|_| is_text(column))?;
    let pattern = if any_case { format!("(?i){pattern}") } else { pattern };
    Some(Cond::Test(place, Test::Matches(Regex::new(&pattern).ok()?, wanted)))
}

fn compare(op: Operator) -> Option<Compare> {
    Some(match op {
        Operator::Eq => Compare::Equal,
        Operator::NotEq => Compare::NotEqual,
        Operator::Lt => Compare::Less,
        Operator::LtEq => Compare::LessOrEqual,
        Operator::Gt => Compare::Greater,
        Operator::GtEq => Compare::GreaterOrEqual,
        _ => return None,
    })
}

fn comparison(column: &Expr, compare: Compare, value: &Expr, columns: &[Column]) -> Option<Cond> {
    let (place, column) = place(column, columns)?;
    let Expr::Literal(value, _) = value else { return None };
    let test = match (column.source, value) {
        (Source::Field(ColumnType::Integer), ScalarValue::Int64(Some(with))) => {
            Test::Integer(compare, *with)
        }
        (Source::Field(ColumnType::Float), ScalarValue::Float64(Some(with))) => {
            Test::Float(compare, values::one_zero(*with))
        }
        (Source::Field(ColumnType::Timestamp), ScalarValue::TimestampNanosecond(Some(at), _)) => {
            Test::Time(compare, *at)
        }
        (Source::Field(ColumnType::Bool), ScalarValue::Boolean(Some(with))) => {
            match (compare, with) {
                (Compare::Equal, with) => Test::Bool(*with),
                (Compare::NotEqual, with) => Test::Bool(!*with),
                _ => return None,
            }
        }
        _ if is_text(column) => Test::Text(compare, text(value)?),
        _ => return None,
    };
    Some(Cond::Test(place, test))
}

fn is_text(column: &Column) -> bool {
    matches!(column.source, Source::Field(ColumnType::String) | Source::Raw | Source::Error)
}

/// A text that can be looked for in bytes.
fn text(value: &ScalarValue) -> Option<String> {
    let text = value.try_as_str()??;
    // It stands for bytes that are not UTF-8.
    (!text.contains(char::REPLACEMENT_CHARACTER)).then(|| text.to_owned())
}

fn text_of(expr: &Expr) -> Option<String> {
    let Expr::Literal(value, _) = expr else { return None };
    text(value)
}

/// LIKE where the pattern is a text with wildcards only at its ends.
fn like(like: &Like, columns: &[Column]) -> Option<Cond> {
    let Like { negated, expr, pattern, escape_char: None, case_insensitive: false } = like else {
        return None;
    };
    let (place, column) = place(expr, columns)?;
    let pattern = text_of(pattern).filter(|_| is_text(column))?;
    let (inner, first) = pattern.strip_prefix('%').map_or((&*pattern, false), |p| (p, true));
    let (inner, last) = inner.strip_suffix('%').map_or((inner, false), |p| (p, true));
    if inner.contains(['%', '_', '\\']) {
        return None;
    }
    let wanted = !negated;
    let test = match (first, last) {
        (true, true) => Test::Contains(Box::new(Finder::new(inner).into_owned()), wanted),
        (true, false) => Test::Suffix(inner.to_owned(), wanted),
        (false, true) => Test::Prefix(inner.to_owned(), wanted),
        (false, false) if wanted => Test::Text(Compare::Equal, inner.to_owned()),
        (false, false) => Test::Text(Compare::NotEqual, inner.to_owned()),
    };
    Some(Cond::Test(place, test))
}
