//! `log('PATH')` and `log('PATH', 'FORMAT')` as a table.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;

use super::LogTable;
use crate::open::{HowToOpen, expand};
use crate::{Failure, Seen};

/// The columns on demand that the statement at hand names.
pub(crate) type Demanded = Arc<Mutex<BTreeSet<String>>>;

/// Makes a table of the logs that its first argument names.
#[derive(Debug)]
pub(crate) struct LogFunction {
    pub(crate) how: HowToOpen,
    pub(crate) seen: Arc<Seen>,
    pub(crate) seek: bool,
    pub(crate) demanded: Demanded,
}

impl LogFunction {
    fn table(&self, path: &str, format: Option<&str>) -> std::result::Result<LogTable, Failure> {
        let how = self.how.clone();
        let how = format.map_or(Ok(how.clone()), |name| how.with_format(name))?;
        let logs = how.open(&expand(path)?)?;
        let demanded = self.demanded.lock().unwrap_or_else(PoisonError::into_inner);
        let table = LogTable::new(logs, Arc::clone(&self.seen), self.seek);
        Ok(table.with_on_demand(|column| demanded.contains(column)))
    }
}

impl TableFunctionImpl for LogFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let texts: Option<Vec<&str>> = args.exprs().iter().map(text).collect();
        let (path, format) = match texts.as_deref() {
            Some([path]) => (*path, None),
            Some([path, format]) => (*path, Some(*format)),
            _ => {
                return plan_err!("log takes a path, and perhaps a format: log('app.log', 'json')");
            }
        };
        let table = self.table(path, format);
        table.map(|t| Arc::new(t) as _).map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}
