//! Names in a query, before the engine sees them: fields with capitals or dots in their names
//! need no quotes, paths in quotes are tables, and on-demand columns appear when named.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArguments,
    Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableFactor, Value,
    VisitMut, VisitorMut,
};

use crate::column::ON_DEMAND;
use crate::{Failure, arguments};

/// The query that SHOW TABLES stands for.
const TABLES: &str = "SELECT table_name, table_type FROM information_schema.tables \
                      WHERE table_schema = 'public' ORDER BY table_name";

/// The digits of the engine's largest decimal.
const LARGE_DIGITS_MAX: u8 = 76;

/// The names of the tables, and their columns.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) tables: BTreeSet<String>,
    pub(crate) columns: BTreeSet<String>,
}

/// What a statement names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Columns on demand.
    pub(crate) on_demand: BTreeSet<String>,
    /// Tables that are paths, in quotes.
    pub(crate) paths: Vec<String>,
    /// Notes on names that may mean something else.
    pub(crate) notes: Vec<String>,
}

/// Resolves the names of a statement. SHOW TABLES leaves the engine's own tables out.
///
/// # Errors
/// When a function for logs has no such argument.
pub(crate) fn resolve(statement: &mut Statement, known: &Known) -> Result<Named, Failure> {
    if let Statement::Statement(inner) = statement
        && matches!(**inner, ast::Statement::ShowTables { .. })
        && let Some(query) = DFParser::parse_sql(TABLES).ok().and_then(|mut all| all.pop_front())
    {
        *statement = query;
    }
    let mut names = Names { known, named: Named::default(), wrong: None };
    names.statement(statement);
    names.wrong.map_or(Ok(names.named), Err)
}

struct Names<'a> {
    known: &'a Known,
    named: Named,
    wrong: Option<Failure>,
}

impl Names<'_> {
    fn statement(&mut self, statement: &mut Statement) {
        match statement {
            Statement::Statement(inner) => {
                let _ = inner.visit(self);
            }
            Statement::Explain(explain) => self.statement(&mut explain.statement),
            Statement::CopyTo(copy) => {
                if let CopyToSource::Query(query) = &mut copy.source {
                    let _ = query.visit(self);
                }
            }
            _ => {}
        }
    }

    /// The column that a name without quotes stands for.
    fn column(&self, name: &str) -> Option<String> {
        if self.known.columns.contains(name) {
            return Some(name.to_owned());
        }
        let alike = |c: &&String| {
            c.eq_ignore_ascii_case(name) || without_escapes(c).eq_ignore_ascii_case(name)
        };
        let mut same = self.known.columns.iter().filter(alike);
        let found = same.next()?;
        // Two that differ by capitals or escapes only are ambiguous.
        same.next().is_none().then(|| found.clone())
    }

    /// The column that a quoted name stands for if no column has this name: a key with dots.
    fn quoted(&self, name: &str) -> Option<String> {
        if self.known.columns.contains(name) {
            return None;
        }
        let mut same = self.known.columns.iter().filter(|c| without_escapes(c) == name);
        let found = same.next()?;
        same.next().is_none().then(|| found.clone())
    }

    fn demand(&mut self, name: &str) {
        if let Some((name, _)) = ON_DEMAND.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            self.named.on_demand.insert((*name).to_owned());
        }
    }

    fn ident(&mut self, ident: &mut Ident) {
        self.demand(&ident.value);
        if ident.quote_style == Some('"')
            && let Some(column) = self.quoted(&ident.value)
        {
            ident.value = column;
        } else if ident.quote_style.is_none()
            && let Some(column) = self.column(&ident.value)
            && column != ident.value.to_lowercase()
        {
            (ident.value, ident.quote_style) = (column, Some('"'));
        }
    }

    /// `a.b.c`: a field of that path, perhaps after a table's name.
    fn path(&mut self, parts: &mut Vec<Ident>) {
        if let Some(last) = parts.last() {
            let last = last.value.clone();
            self.demand(&last);
        }
        if parts.is_empty() {
            return;
        }
        for table_parts in 0..parts.len().min(2) {
            let rest = &parts[table_parts..];
            let is_table = table_parts == 0 && self.known.tables.contains(&parts[0].value);
            let joined = rest.iter().map(|i| i.value.as_str()).collect::<Vec<_>>().join(".");
            if !is_table && let Some(column) = self.column(&joined) {
                if table_parts == 1 {
                    self.note_nested(parts, &column);
                }
                parts.truncate(table_parts);
                parts.push(Ident::with_quote('"', column));
                return;
            }
        }
        let joined = parts.iter().map(|i| i.value.as_str()).collect::<Vec<_>>().join(".");
        let of_table = parts[1..].iter().map(|i| i.value.as_str()).collect::<Vec<_>>().join(".");
        let Some(nested) = self.column(&joined) else { return };
        if self.column(&of_table).is_some() {
            return;
        }
        // No such field follows the table's name, so the key `log.level` is meant.
        parts.clear();
        parts.push(Ident::with_quote('"', nested));
    }

    /// Notes that a field is named like `column` after its table.
    fn note_nested(&mut self, parts: &[Ident], column: &str) {
        let table = &parts[0].value;
        let joined = parts.iter().map(|i| i.value.as_str()).collect::<Vec<_>>().join(".");
        let nested = self.column(&joined).filter(|_| self.known.tables.contains(table));
        if let Some(nested) = nested {
            self.named.notes.push(format!(
                "{joined} is the column {column} of the table {table}; the field of that name is \
                 \"{nested}\", in quotes"
            ));
        }
    }

    /// `user.name`: PostgreSQL's `user` and a few other words are functions without parentheses.
    fn function(&mut self, expr: &mut Expr) {
        let mut parts = match &*expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                let Some(mut parts) = words(root) else { return };
                for access in access_chain {
                    let AccessExpr::Dot(part) = access else { return };
                    let Some(more) = words(part) else { return };
                    parts.extend(more);
                }
                parts
            }
            other => match words(other) {
                Some(parts) => parts,
                None => return,
            },
        };
        if let [only] = &mut parts[..] {
            if self.column(&only.value).is_some() {
                self.ident(only);
                *expr = Expr::Identifier(only.clone());
            }
            return;
        }
        self.path(&mut parts);
        *expr = match &parts[..] {
            [only] => Expr::Identifier(only.clone()),
            _ => Expr::CompoundIdentifier(parts),
        };
    }

    /// A whole number that 64 bits do not hold, which would become a double: a decimal with all its digits.
    fn large_number(expr: &mut Expr) {
        let Expr::Value(value) = &*expr else { return };
        let Value::Number(digits, _) = &value.value else { return };
        let is_large = digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<i64>().is_err();
        if !is_large || digits.len() > usize::from(LARGE_DIGITS_MAX) {
            return;
        }
        let text = Value::SingleQuotedString(digits.clone());
        *expr = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Value(text.into())),
            data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(
                LARGE_DIGITS_MAX.into(),
                0,
            )),
            array: false,
            format: None,
        };
    }
}

/// The names that an expression is made of: a name, names joined by points, or a function without
/// parentheses.
fn words(expr: &Expr) -> Option<Vec<Ident>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.clone()]),
        Expr::CompoundIdentifier(parts) => Some(parts.clone()),
        Expr::Function(Function { name, args: FunctionArguments::None, .. }) => match &name.0[..] {
            [ObjectNamePart::Identifier(ident)] => Some(vec![ident.clone()]),
            _ => None,
        },
        _ => None,
    }
}

/// A field's name as its keys are written: `a\.b` is the key `a.b`.
fn without_escapes(column: &str) -> String {
    column.replace("\\.", ".")
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.ident(ident),
            Expr::CompoundIdentifier(parts) => {
                self.path(parts);
                if let [only] = &mut parts[..] {
                    *expr = Expr::Identifier(only.clone());
                }
            }
            Expr::CompoundFieldAccess { .. } | Expr::Function(_) => self.function(expr),
            Expr::Value(_) => Self::large_number(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(ident)] = &mut name.0[..]
            && ident.quote_style == Some('\'')
        {
            ident.quote_style = Some('"');
            self.named.paths.push(ident.value.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        // As names without quotes are.
        if let TableFactor::Table { name, args: Some(_), .. } = factor
            && let [ObjectNamePart::Identifier(ident)] = &mut name.0[..]
            && ident.quote_style.is_none()
        {
            ident.value.make_ascii_lowercase();
        }
        if let TableFactor::Table { sample: Some(_), .. } = factor {
            let words = "TABLESAMPLE is not supported; WHERE random() < 0.1 takes one row in ten";
            self.wrong.get_or_insert(Failure::usage(words));
        }
        if let Err(failure) = arguments::in_order(factor) {
            self.wrong.get_or_insert(failure);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        selects(&mut query.body);
        ControlFlow::Continue(())
    }
}

/// All selections that a query joins; those in parentheses are queries of their own.
fn selects(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => shown_once(select),
        SetExpr::SetOperation { left, right, .. } => {
            selects(left);
            selects(right);
        }
        _ => {}
    }
}

/// Takes out the on-demand columns that the query names, as `*` already shows them.
fn shown_once(select: &mut Select) {
    let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
    if !select.projection.iter().any(is_all) {
        return;
    }
    let on_demand = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
            ON_DEMAND.iter().any(|(name, _)| ident.value.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    select.projection.retain(|item| !on_demand(item));
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn resolved(sql: &str) -> (String, Named) {
        let known = Known {
            tables: ["log", "t"].map(str::to_owned).into(),
            columns: ["userId", "http.Status", "a", "Xy", "xY", "t.z", "log\\.level", "ev\\.kind"]
                .map(str::to_owned)
                .into(),
        };
        let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        let named = resolve(&mut statement, &known).unwrap();
        (statement.to_string(), named)
    }

    #[test]
    fn fields_need_no_quotes_for_capitals_and_dots() {
        for (sql, expected) in [
            ("SELECT userId FROM log", "SELECT \"userId\" FROM log"),
            ("SELECT USERID, A FROM log", "SELECT \"userId\", A FROM log"),
            ("SELECT http.status FROM log", "SELECT \"http.Status\" FROM log"),
            ("SELECT t.http.status FROM t", "SELECT t.\"http.Status\" FROM t"),
            ("SELECT log.userid FROM log", "SELECT log.\"userId\" FROM log"),
            // A table's name before a dot is the table, where that has such a column.
            ("SELECT t.a FROM t", "SELECT t.\"a\" FROM t"),
            ("SELECT t.z FROM t", "SELECT \"t.z\" FROM t"),
            // It is ambiguous.
            ("SELECT XY FROM log", "SELECT XY FROM log"),
            ("SELECT \"userid\" FROM log", "SELECT \"userid\" FROM log"),
        ] {
            assert_eq!(resolved(sql).0, expected);
        }
    }

    #[test]
    fn keys_with_dots_need_no_backslash() {
        for (sql, expected) in [
            ("SELECT log.level FROM log", "SELECT \"log\\.level\" FROM log"),
            ("SELECT \"log.level\" FROM log", "SELECT \"log\\.level\" FROM log"),
            ("SELECT \"log\\.level\" FROM log", "SELECT \"log\\.level\" FROM log"),
            ("SELECT ev.kind FROM log", "SELECT \"ev\\.kind\" FROM log"),
            ("SELECT l.ev.kind FROM log l", "SELECT l.\"ev\\.kind\" FROM log l"),
        ] {
            assert_eq!(resolved(sql).0, expected);
        }
    }

    #[test]
    fn columns_on_demand_are_found_wherever_they_are_named() {
        for sql in [
            "SELECT _line FROM log",
            "SELECT 1 FROM log ORDER BY _LINE",
            "SELECT count(*) FROM (SELECT 1 FROM log AS l WHERE l._line > 3)",
            "EXPLAIN SELECT * FROM log WHERE _line = 1",
        ] {
            assert_eq!(resolved(sql).1.on_demand, ["_line".to_owned()].into(), "{sql}");
        }
        assert!(resolved("SELECT a FROM log").1.on_demand.is_empty());
    }

    #[test]
    fn what_all_shows_is_not_shown_twice() {
        for (sql, expected) in [
            ("SELECT *, _line, a FROM log", "SELECT *, a FROM log"),
            (
                "SELECT *, _raw FROM t UNION SELECT * FROM t",
                "SELECT * FROM t UNION SELECT * FROM t",
            ),
        ] {
            assert_eq!(resolved(sql).0, expected);
        }
    }

    #[test]
    fn a_path_in_quotes_is_a_table() {
        let (sql, named) = resolved("SELECT * FROM 'x/y.json' JOIN log ON true");
        assert_eq!(sql, "SELECT * FROM \"x/y.json\" JOIN log ON true");
        assert_eq!(named.paths, ["x/y.json"]);
    }
}
