//! `log('PATH')` and `log('PATH', format => 'FORMAT')` as a table.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;

use super::LogTable;
use crate::arguments::ARGUMENTS;
use crate::{Counters, Failure, Opener, expand};
use cutwater_shell::formats;
use cutwater_shell::output_file::Inputs;

/// The on-demand columns that the statement names.
pub(crate) type Demanded = Arc<Mutex<BTreeSet<String>>>;

/// Makes a table of the logs that its first argument names.
#[derive(Debug)]
pub(crate) struct LogFunction {
    pub(crate) how: Opener,
    pub(crate) counters: Arc<Counters>,
    pub(crate) seek: bool,
    pub(crate) demanded: Demanded,
    /// The logs are added to these.
    pub(crate) inputs: Arc<Mutex<Inputs>>,
}

impl LogFunction {
    fn reads(&self, paths: &[PathBuf]) {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).add_all(paths);
    }

    /// The table of these arguments, in their order.
    fn table(&self, path: &str, rest: &[Option<&str>]) -> std::result::Result<LogTable, Failure> {
        let mut how = self.how.clone();
        for (&name, value) in ARGUMENTS[1..].iter().zip(rest) {
            let Some(value) = *value else { continue };
            how = match name {
                "format" => {
                    self.reads(&formats::files(Some(value)));
                    how.with_format(value)?
                }
                "tz" => how.with_zone(value)?,
                _ => Opener { time_field: Some(value.to_owned()), ..how },
            };
        }
        let paths = expand(path)?;
        self.reads(&paths);
        let logs = how.open(&paths)?;
        let demanded = self.demanded.lock().unwrap_or_else(PoisonError::into_inner);
        let table = LogTable::new(logs, Arc::clone(&self.counters), self.seek);
        Ok(table.with_on_demand(|column| demanded.contains(column)))
    }
}

impl TableFunctionImpl for LogFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let texts: Option<Vec<Option<&str>>> = args.exprs().iter().map(text).collect();
        let table = match texts.as_deref() {
            Some([Some(path), rest @ ..]) if rest.len() < ARGUMENTS.len() => self.table(path, rest),
            _ => {
                return plan_err!(
                    "log takes a path and texts by name: log('app.log', format => 'json'), where \
                     the names are {}",
                    ARGUMENTS[1..].join(", ")
                );
            }
        };
        table.map(|t| Arc::new(t) as _).map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

/// A text, or NULL; `None` for anything else.
fn text(expr: &Expr) -> Option<Option<&str>> {
    match expr {
        Expr::Literal(ScalarValue::Null, _) => Some(None),
        Expr::Literal(value, _) => value.try_as_str(),
        _ => None,
    }
}
