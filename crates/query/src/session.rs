//! An engine with tables of logs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_logs::format::Definition;
use cutwater_shell::output_file::Inputs;
use cutwater_shell::words::shown;
use cutwater_store::Files;
use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use futures::StreamExt;

use crate::bounds::TimeBounds;
use crate::coercion::TextsAsNumbers;
use crate::copy::OneFile;
use crate::engine_error::{engine_failure, planning_failure};
use crate::file_type::FileType;
use crate::functions;
use crate::joins::SortedJoins;
use crate::names::{Known, Named, resolve};
use crate::table::{Demanded, LogFunction};
use crate::time_texts::TimeTexts;
use crate::written::{External, path};
use crate::{
    Counters, Failure, LogTable, Opener, Spill, at_names, check_thread, expand, other_files,
};

/// How many of the largest users of memory an error names.
const CONSUMERS_NAMED: usize = 3;

/// Each thread keeps one part in this many of a query's memory, to merge what it sorted.
const MERGE_SHARE: usize = 8;

/// With less memory than this, batches are smaller: rows that are sorted or joined go to disk by whole
/// batches.
const SMALL_MEMORY_BYTES: usize = 1 << 30;
const SMALL_BATCH_ROWS: usize = 1024;

/// What a session may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Threads; at least 1.
    pub threads: usize,
    /// Bytes of memory for what queries hold (groups, sorted rows, joined tables); what does not
    /// fit goes to `spill`. `None`: unlimited.
    pub memory_bytes: Option<usize>,
    /// Where what does not fit goes. `None`: nothing goes to disk.
    pub spill: Option<Spill>,
    /// Whether a time predicate on a sorted log reads only the part that may meet it.
    pub seek: bool,
}

/// An engine with tables.
pub struct Session {
    context: SessionContext,
    limits: Limits,
    how: Opener,
    logs: BTreeMap<String, LogTable>,
    counters: Arc<Counters>,
    demanded: Demanded,
    inputs: Arc<Mutex<Inputs>>,
    external: External,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?})", self.logs.keys())
    }
}

/// Memory that a partition needs to put what it holds on disk and merge it again. With less, the
/// partitions fail each other's allocations, so there are fewer: slow is better than no answer.
const PARTITION_BYTES: usize = 32 << 20;

fn partitions(limits: &Limits) -> usize {
    let fit = limits.memory_bytes.map_or(usize::MAX, |bytes| bytes / PARTITION_BYTES);
    limits.threads.min(fit).max(1)
}

impl Session {
    /// A session without tables.
    ///
    /// # Errors
    /// When the directory for what does not fit in memory cannot be used.
    pub fn new(limits: Limits, how: Opener) -> Result<Self, Failure> {
        let partitions = partitions(&limits);
        let mut config =
            SessionConfig::new().with_target_partitions(partitions).with_information_schema(true);
        if limits.memory_bytes.is_some_and(|bytes| bytes < SMALL_MEMORY_BYTES) {
            config = config.with_batch_size(SMALL_BATCH_ROWS);
        }
        let options = config.options_mut();
        // Threads take pieces in turn already: to distribute rows again before they are grouped
        // gains nothing.
        options.optimizer.enable_round_robin_repartition = false;
        if let Some(bytes) = limits.memory_bytes {
            let share = bytes / (MERGE_SHARE * partitions);
            let most = options.execution.sort_spill_reservation_bytes;
            options.execution.sort_spill_reservation_bytes = most.min(share);
        }
        options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        let (counters, demanded) = (Arc::<Counters>::default(), Demanded::default());
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::new(runtime(&limits).build().map_err(engine_failure)?))
            .with_default_features()
            .with_analyzer_rules(analyzer_rules(&counters))
            .with_optimizer_rule(Arc::new(TimeBounds))
            .build();
        let context = SessionContext::new_with_state(state);
        let inputs = Arc::<Mutex<Inputs>>::default();
        functions::register(&context);
        let function = LogFunction {
            how: how.clone(),
            counters: Arc::clone(&counters),
            seek: limits.seek,
            demanded: Arc::clone(&demanded),
            inputs: Arc::clone(&inputs),
        };
        context.register_udtf("log", Arc::new(function));
        let root = ObjectStoreUrl::local_filesystem();
        context.register_object_store(root.as_ref(), Arc::new(Files::new().steady()));
        let (logs, external) = (BTreeMap::new(), External::default());
        Ok(Self { context, limits, how, logs, counters, demanded, inputs, external })
    }

    /// The files that its tables are made of, also those that the last statement named.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds files that the caller reads besides its tables, like one of formats.
    pub fn reads<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).add_all(paths);
    }

    /// What scans found besides rows.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The tables of logs.
    #[must_use]
    pub fn logs(&self) -> &BTreeMap<String, LogTable> {
        &self.logs
    }

    /// The engine.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Registers the files that `names` (paths or globs) match as the table `table`. Their extensions
    /// make them Parquet, CSV, TSV or Arrow files; all other files are logs.
    ///
    /// # Errors
    /// When a file cannot be opened, they are not all of one kind, or the table exists.
    pub async fn add(&mut self, table: &str, names: &[String]) -> Result<(), Failure> {
        if self.has_table(table)? {
            return Err(Failure::usage(format!(
                "there are two tables {table}; give each a name of its own with \
                 --table NAME=GLOB (files given without a name are the table log)"
            )));
        }
        let paths = names.iter().map(expand).collect::<Result<Vec<_>, _>>()?.concat();
        self.reads(&paths);
        let kinds: Vec<_> = paths.iter().map(|path| FileType::by_extension(path)).collect();
        match kinds.first() {
            Some(&kind) if kind != FileType::Log && kinds.iter().all(|k| *k == kind) => {
                self.add_other(table, kind, &paths).await
            }
            Some(_) if kinds.iter().any(|k| *k != FileType::Log) => Err(Failure::usage(format!(
                "the table {table} would be made of files of several kinds; \
                 give each kind a table of its own with --table NAME=GLOB"
            ))),
            _ => self.add_logs(table, &paths),
        }
    }

    fn add_logs(&mut self, table: &str, paths: &[PathBuf]) -> Result<(), Failure> {
        let logs = self.how.open(paths)?;
        let logs = LogTable::new(logs, Arc::clone(&self.counters), self.limits.seek);
        self.note_headers(&logs);
        self.register(table, &logs)?;
        self.logs.insert(table.to_owned(), logs);
        Ok(())
    }

    /// Notes logs of separated values without a header, unless the user said so.
    fn note_headers(&self, logs: &LogTable) {
        for log in logs.logs() {
            let Definition::Csv(dialect) = &log.definition else { continue };
            if !log.sample.is_empty()
                && !dialect.has_header()
                && !dialect.is_header_given()
                && !dialect.has_known_names()
            {
                self.counters.note(format!(
                    "{} has no header, so its columns are column1 and so on; --format csv,header=yes \
                     takes them from its first line, and csv,header=no leaves this note out",
                    shown(&log.input.path)
                ));
            }
        }
    }

    async fn add_other(
        &mut self,
        table: &str,
        kind: FileType,
        paths: &[PathBuf],
    ) -> Result<(), Failure> {
        check_thread("a file of Parquet or Arrow")?;
        let view = other_files::view(&self.context, kind, paths).await?;
        self.context.register_table(TableReference::bare(table), view).map_err(engine_failure)?;
        Ok(())
    }

    /// Notes the files that a plan reads by itself, and checks that it writes none that is read.
    ///
    /// # Errors
    /// When COPY would write over an input, INSERT would append to one, or EXPLAIN ANALYZE would write.
    fn check_files(&mut self, plan: &LogicalPlan) -> Result<(), Failure> {
        let (mut written, mut inserts) = (Vec::new(), Vec::new());
        let mut tables = Vec::new();
        // The closure never fails, so neither does the walk.
        let _ = plan.apply(|plan| {
            match plan {
                LogicalPlan::Copy(copy) => written.extend(path(&copy.output_url)),
                LogicalPlan::Dml(insert) => inserts.push(insert.clone()),
                LogicalPlan::Ddl(DdlStatement::CreateExternalTable(table)) => {
                    tables.push(table.clone());
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        for table in tables {
            self.reads(table.locations.iter().filter_map(|location| path(location)));
            self.external.add(&table);
        }
        let inputs = self.inputs();
        written.iter().try_for_each(|path| inputs.check(path))?;
        inserts.iter().try_for_each(|insert| self.external.check_insert(insert))?;
        if matches!(plan, LogicalPlan::Analyze(_)) && !(written.is_empty() && inserts.is_empty()) {
            return Err(Failure::usage(
                "EXPLAIN ANALYZE would write what the statement writes; explain the query in it",
            ));
        }
        Ok(())
    }

    fn has_table(&self, name: &str) -> Result<bool, Failure> {
        self.context.table_exist(TableReference::bare(name)).map_err(engine_failure)
    }

    fn register(&self, name: &str, logs: &LogTable) -> Result<(), Failure> {
        let table = TableReference::bare(name);
        let _ = self.context.deregister_table(table.clone()).map_err(engine_failure)?;
        self.context.register_table(table, Arc::new(logs.clone())).map_err(engine_failure)?;
        Ok(())
    }

    fn known(&self) -> Known {
        let columns = self.logs.values().flat_map(|t| t.columns()).map(|c| c.name.clone());
        Known { tables: self.logs.keys().cloned().collect(), columns: columns.collect() }
    }

    /// Makes what a statement names available: columns on demand, and files in quotes.
    async fn provide(&mut self, named: Named) -> Result<(), Failure> {
        named.notes.into_iter().for_each(|words| self.counters.note(words));
        for path in named.paths {
            if !self.has_table(&path)? {
                self.add(&path, std::slice::from_ref(&path)).await?;
            }
        }
        for (name, logs) in &self.logs {
            let logs = logs.with_on_demand(|column| named.on_demand.contains(column));
            self.register(name, &logs)?;
        }
        *self.demanded.lock().unwrap_or_else(PoisonError::into_inner) = named.on_demand;
        Ok(())
    }

    /// The statements of a text.
    ///
    /// # Errors
    /// When the text is not SQL, or has no statement.
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>, Failure> {
        let tokens =
            at_names::tokens(sql).map_err(|e| engine_failure(ParserError::from(e).into()))?;
        let mut parser = DFParserBuilder::new(tokens)
            .with_dialect(&PostgreSqlDialect {})
            .build()
            .map_err(engine_failure)?;
        let statements: Vec<Statement> = parser.parse_statements().map_err(engine_failure)?.into();
        if statements.is_empty() {
            return Err(Failure::usage("there is no query; try \"SELECT * FROM log LIMIT 10\""));
        }
        Ok(statements)
    }

    /// Begins to answer a statement. Dropping the rows ends the query.
    ///
    /// # Errors
    /// When the statement is wrong; the message says why.
    pub async fn answer(
        &mut self,
        mut statement: Statement,
    ) -> Result<SendableRecordBatchStream, Failure> {
        let file = match &mut statement {
            Statement::CopyTo(copy) => OneFile::take(copy)?,
            _ => None,
        };
        let named = resolve(&mut statement, &self.known())?;
        self.provide(named).await?;
        let plan = self.context.state().statement_to_plan(statement).await;
        let plan = plan.map_err(planning_failure)?;
        self.check_files(&plan)?;
        match (file, plan) {
            (Some(file), LogicalPlan::Copy(copy)) => {
                let rows = self.rows(Arc::unwrap_or_clone(copy.input)).await?;
                file.write(rows, &self.inputs())
            }
            (_, plan) => {
                if is_of_files(&plan) {
                    check_thread("a statement about files")?;
                }
                self.rows(plan).await
            }
        }
    }

    /// Begins to make the rows of a plan.
    async fn rows(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, Failure> {
        let planned = async {
            let frame = self.context.execute_logical_plan(plan).await?;
            let task = Arc::new(frame.task_ctx());
            let query = frame.logical_plan().clone();
            Ok((frame.create_physical_plan().await?, query, task))
        };
        let (plan, query, task) = planned.await.map_err(planning_failure)?;
        let sorted = SortedJoins::for_plan(&plan, query, &self.context.state(), &self.counters);
        Ok(until_failure(match sorted {
            Some(sorted) => sorted.unless_fits(plan, task),
            None => execute_stream(plan, task).map_err(engine_failure)?,
        }))
    }
}

/// Whether the engine itself reads or writes files for a statement.
fn is_of_files(plan: &LogicalPlan) -> bool {
    use LogicalPlan::{Copy, Ddl, Dml};
    matches!(plan, Copy(_) | Dml(_) | Ddl(DdlStatement::CreateExternalTable(_)))
}

/// The same rows up to the first failure: other partitions may still yield rows after it.
fn until_failure(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let rows = rows.scan(false, |failed, batch| {
        let was = std::mem::replace(failed, batch.is_err());
        std::future::ready((!was).then_some(batch))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// Our rules, then the engine's: after its coercion there is nothing left to decide.
fn analyzer_rules(counters: &Arc<Counters>) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let numbers: Arc<dyn AnalyzerRule + Send + Sync> =
        Arc::new(TextsAsNumbers(Arc::clone(counters)));
    let times: Arc<dyn AnalyzerRule + Send + Sync> = Arc::new(TimeTexts);
    [numbers, times].into_iter().chain(Analyzer::new().rules).collect()
}

fn runtime(limits: &Limits) -> RuntimeEnvBuilder {
    // Files are listed for each query, so that a replaced file is noticed.
    let mut builder = RuntimeEnvBuilder::new().with_object_list_cache_limit(0);
    if let Some(bytes) = limits.memory_bytes {
        let named =
            std::num::NonZeroUsize::new(CONSUMERS_NAMED).unwrap_or(std::num::NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), named);
        builder = builder.with_memory_pool(Arc::new(pool));
    }
    let mode = match &limits.spill {
        Some(spill) => DiskManagerMode::Custom(Arc::new(spill.clone())),
        None => DiskManagerMode::Disabled,
    };
    builder.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
}
