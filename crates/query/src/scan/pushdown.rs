//! From the engine's expressions to conditions on lines, where both mean exactly the same: the engine
//! does not test again.

use cutwater_logs::columns::ColumnType;
use cutwater_logs::filter::{Compare, Condition, Node, Outcome, Place, Test};
use cutwater_logs::value::{one_zero, parse_number};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use regex::bytes::Regex;

use crate::column::{Column, Source};
use crate::functions::NUMBER_ORDER;

/// The longest list of an IN that is looked up value by value.
const LIST_MAX: usize = 64;

/// The condition that is true of the same lines as `expr`, if there is one.
pub(crate) fn condition(expr: &Expr, columns: &[Column]) -> Option<Node<Condition>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Some(Node::all(vec![condition(left, columns)?, condition(right, columns)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(Node::any(vec![condition(left, columns)?, condition(right, columns)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => binary(left, *op, right, columns),
        Expr::IsNull(inner) => null(inner, true, columns),
        Expr::IsNotNull(inner) => null(inner, false, columns),
        Expr::Like(like) => self::like(like, columns),
        Expr::InList(InList { expr, list, negated: false }) if list.len() <= LIST_MAX => {
            let equal = |value: &Expr| binary(expr, Operator::Eq, value, columns);
            list.iter().map(equal).collect::<Option<_>>().map(Node::any)
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
        Source::Field(_) => Place::Field(columns[at].name.clone()),
        Source::Raw => Place::Line,
        Source::Error => Place::Error,
        Source::File | Source::Line | Source::Offset => return None,
    };
    Some((place, &columns[at]))
}

/// A test that must hold, or must fail on a value: the outcome for NULL is unknown, which AND and OR
/// may take for false.
fn test(place: Place, test: Test, holds: bool) -> Node<Condition> {
    let wanted = if holds { Outcome::True } else { Outcome::False };
    Node::Test(Condition { place, test, wanted })
}

fn null(expr: &Expr, wanted: bool, columns: &[Column]) -> Option<Node<Condition>> {
    let (place, column) = place(expr, columns)?;
    // A value that does not fit its column is null there, too, which only building it shows.
    let is_null_in_line =
        matches!(column.source, Source::Field(ColumnType::String) | Source::Error);
    is_null_in_line.then(|| test(place, Test::Null, wanted))
}

fn boolean(expr: &Expr, wanted: bool, columns: &[Column]) -> Option<Node<Condition>> {
    let (place, column) = place(expr, columns)?;
    let is = column.source == Source::Field(ColumnType::Bool);
    is.then(|| Node::Test(Condition::new(place, Test::Bool(wanted))))
}

fn binary(left: &Expr, op: Operator, right: &Expr, columns: &[Column]) -> Option<Node<Condition>> {
    if let (Expr::Literal(..), Expr::Column(_) | Expr::Cast(_)) = (left, right) {
        let turned = compare(op)?.turned();
        return comparison(right, turned, left, columns);
    }
    if let Some(found) = number_order(left, op, right, columns) {
        return Some(found);
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
    Some(test(place, Test::TextMatches(Regex::new(&pattern).ok()?), wanted))
}

/// `number_order(column, '5') > 0`: a column of texts that is compared as numbers.
fn number_order(
    left: &Expr,
    op: Operator,
    right: &Expr,
    columns: &[Column],
) -> Option<Node<Condition>> {
    let Expr::ScalarFunction(call) = left else { return None };
    let [column, with] = &call.args[..] else { return None };
    let is_order = call.func.name() == NUMBER_ORDER
        && matches!(right, Expr::Literal(ScalarValue::Int64(Some(0)), _));
    let (place, column) = place(column, columns)?;
    if !is_order || !matches!(column.source, Source::Field(ColumnType::String)) {
        return None;
    }
    let digits = text_of(with)?;
    let number = parse_number(digits.as_bytes())?;
    Some(Node::Test(Condition::new(place, Test::Number(compare(op)?, number, digits))))
}

/// The column of whole numbers that is compared as doubles: `CAST(n AS DOUBLE) > 10.5`.
fn as_doubles<'a>(expr: &'a Expr, value: &ScalarValue) -> &'a Expr {
    match (expr, value) {
        (Expr::Cast(cast), ScalarValue::Float64(_))
            if *cast.field.data_type() == DataType::Float64 =>
        {
            &cast.expr
        }
        _ => expr,
    }
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

fn comparison(
    column: &Expr,
    compare: Compare,
    value: &Expr,
    columns: &[Column],
) -> Option<Node<Condition>> {
    let Expr::Literal(value, _) = value else { return None };
    let (place, column) = place(as_doubles(column, value), columns)?;
    let test = match (column.source, value) {
        (Source::Field(ColumnType::Integer), ScalarValue::Int64(Some(with))) => {
            Test::Integer(compare, *with)
        }
        (
            Source::Field(ColumnType::Float | ColumnType::Integer),
            ScalarValue::Float64(Some(with)),
        ) => Test::Float(compare, one_zero(*with)),
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
    Some(Node::Test(Condition::new(place, test)))
}

fn is_text(column: &Column) -> bool {
    matches!(column.source, Source::Field(ColumnType::String) | Source::Raw | Source::Error)
}

/// A text that can be searched for in bytes.
fn text(value: &ScalarValue) -> Option<String> {
    let text = value.try_as_str()??;
    // U+FFFD stands for bytes that are not UTF-8.
    (!text.contains(char::REPLACEMENT_CHARACTER)).then(|| text.to_owned())
}

fn text_of(expr: &Expr) -> Option<String> {
    let Expr::Literal(value, _) = expr else { return None };
    text(value)
}

/// LIKE where the pattern is a text with wildcards only at its ends.
fn like(like: &Like, columns: &[Column]) -> Option<Node<Condition>> {
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
    let asked = match (first, last) {
        (true, true) => Test::contains(inner),
        (true, false) => Test::Suffix(inner.to_owned()),
        (false, true) => Test::Prefix(inner.to_owned()),
        (false, false) => Test::Text(Compare::Equal, inner.to_owned()),
    };
    Some(test(place, asked, !negated))
}
