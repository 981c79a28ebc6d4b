//! Puts named arguments of `log(...)` in their order: the engine knows only the order.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, ObjectNamePart, TableFactor, Value,
};

use crate::Failure;

/// The function.
pub(crate) const LOG: &str = "log";

/// The names of its arguments, in their order.
pub(crate) const ARGUMENTS: [&str; 4] = ["path", "format", "time_field", "tz"];

/// Puts the arguments of `log(...)` in their order; those left out are NULL.
///
/// # Errors
/// When a name is unknown or given twice, or an unnamed argument follows a named one.
pub(crate) fn in_order(factor: &mut TableFactor) -> Result<(), Failure> {
    let TableFactor::Table { name, args: Some(given), .. } = factor else { return Ok(()) };
    let is_log = matches!(&name.0[..], [ObjectNamePart::Identifier(ident)] if ident.value.eq_ignore_ascii_case(LOG));
    if !is_log || given.args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(_))) {
        return Ok(());
    }
    let mut ordered: Vec<Option<FunctionArgExpr>> = vec![None; ARGUMENTS.len()];
    for (at, arg) in given.args.iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Unnamed(value) => (at, value),
            FunctionArg::Named { name, arg, .. } => (place(&name.value)?, arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                (place(&name.value)?, arg)
            }
            FunctionArg::ExprNamed { name, .. } => return Err(no_argument(&name.to_string())),
        };
        match ordered.get_mut(place) {
            Some(free @ None) => *free = Some(value.clone()),
            _ => return Err(twice(arg)),
        }
    }
    let last = ordered.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
    let null = || FunctionArgExpr::Expr(Expr::Value(Value::Null.into()));
    let ordered = ordered.into_iter().take(last);
    given.args = ordered.map(|arg| FunctionArg::Unnamed(arg.unwrap_or_else(null))).collect();
    Ok(())
}

fn place(name: &str) -> Result<usize, Failure> {
    let found = ARGUMENTS.iter().position(|known| known.eq_ignore_ascii_case(name));
    found.ok_or_else(|| no_argument(name))
}

fn no_argument(name: &str) -> Failure {
    Failure::usage(format!("log has no argument {name}; it has {}", ARGUMENTS.join(", ")))
}

fn twice(arg: &FunctionArg) -> Failure {
    let all = ARGUMENTS.join(", ");
    Failure::usage(format!("{arg} is one argument of log too many; in their order they are {all}"))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::{SetExpr, Statement};
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn ordered(call: &str) -> Result<String, String> {
        let sql = format!("SELECT * FROM {call}");
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &sql).unwrap();
        let Some(Statement::Query(query)) = statements.first_mut() else { panic!("{sql}") };
        let SetExpr::Select(select) = &mut *query.body else { panic!("{sql}") };
        let factor = &mut select.from[0].relation;
        in_order(factor).map(|()| factor.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn arguments_by_name_are_put_in_their_order() {
        for (call, expected) in [
            ("log('a', format => 'json')", "log('a', 'json')"),
            ("log('a', TZ => 'UTC')", "log('a', NULL, NULL, 'UTC')"),
            ("log(format => 'json', path => 'a')", "log('a', 'json')"),
            ("log('a', 'json', time_field => 't')", "log('a', 'json', 't')"),
            ("log('a', 'json')", "log('a', 'json')"),
            ("other('a', format => 'json')", "other('a', format => 'json')"),
        ] {
            assert_eq!(ordered(call).as_deref(), Ok(expected), "{call}");
        }
    }

    #[test]
    fn what_is_no_argument_or_one_too_many_is_said() {
        for (call, said) in [
            ("log('a', fromat => 'json')", "no argument fromat; it has path, format"),
            ("log('a', path => 'b')", "too many"),
            ("log('a', format => 'json', 'b')", "no error"),
            ("log('a', format => 'json', format => 'raw')", "too many"),
            ("log('a', 'b', 'c', 'd', 'e', tz => 'f')", "too many"),
        ] {
            let error = ordered(call).err().unwrap_or_else(|| "no error".to_owned());
            assert!(error.contains(said), "{call}: {error}");
        }
    }
}
