//! The plan's leaf: a scan of logs.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cutwater_logs::scan::{Log, Pieces, Request};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
};

use super::counters::Counters;
use super::known::{Counting, Known};
use super::shape::Shape;
use super::stream::{Counts, Partition, Run};
use crate::column::Source;

/// What is known when a scan is planned.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) logs: Arc<Vec<Log>>,
    pub(crate) request: Arc<Request>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) limit: Option<usize>,
    pub(crate) partitions: usize,
    /// For people: the conditions that are decided on bytes.
    pub(crate) conditions: Vec<String>,
    /// For people: what time seek found.
    pub(crate) seek: Option<String>,
    /// Rows, estimated from the sampled lines.
    pub(crate) rows_estimated: usize,
    /// Where the number of rows is kept, for a scan that gives all of them.
    pub(crate) known: Option<Arc<Known>>,
}

/// Scans logs.
#[derive(Debug)]
pub(crate) struct LogExec {
    scan: Scan,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Executions whose partitions have not all begun.
    begun: Mutex<Vec<(Arc<Run>, Vec<bool>)>>,
}

impl LogExec {
    /// Bytes of the logs.
    fn log_bytes(&self) -> u64 {
        self.scan.logs.iter().map(|log| log.input.size()).sum()
    }

    /// Bytes of the logs; nothing where only some of their lines are rows.
    pub(crate) fn whole_bytes(&self) -> Option<u64> {
        let all = self.scan.conditions.is_empty() && self.scan.limit.is_none();
        all.then(|| self.log_bytes())
    }

    pub(crate) fn new(scan: Scan) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&scan.shape.schema)),
            Partitioning::UnknownPartitioning(scan.partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            scan,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            begun: Mutex::new(Vec::new()),
        }
    }

    /// The execution that partition `partition` takes part in: the first that it has not begun.
    fn run(&self, partition: usize) -> Arc<Run> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let at = begun.iter().position(|(_, begun)| !begun[partition]).unwrap_or_else(|| {
            begun.push((Arc::new(self.new_run()), vec![false; self.scan.partitions]));
            begun.len() - 1
        });
        begun[at].1[partition] = true;
        let run = Arc::clone(&begun[at].0);
        begun.retain(|(_, begun)| begun.iter().any(|begun| !begun));
        run
    }

    fn new_run(&self) -> Run {
        let Scan { logs, request, shape, counters, .. } = &self.scan;
        let numbered = shape.shown.iter().any(|&at| shape.columns[at].source == Source::Line);
        Run {
            logs: Arc::clone(logs),
            request: Arc::clone(request),
            shape: Arc::clone(shape),
            pieces: Pieces::new(logs, request),
            counters: Arc::clone(counters),
            numbers: numbered.then(OnceLock::new),
            counting: self
                .scan
                .known
                .as_ref()
                .and_then(|known| Counting::begin(known, logs, self.scan.partitions)),
        }
    }

    /// The number of rows, where an earlier scan has counted them and nobody has written since.
    fn rows_known(&self) -> Option<usize> {
        let known = self.scan.known.as_ref()?.rows(&self.scan.logs)?;
        self.scan.counters.rows_are_known(known.bad);
        usize::try_from(known.rows).ok()
    }
}

impl DisplayAs for LogExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scan { logs, request, shape, limit, conditions, seek, .. } = &self.scan;
        let bytes = self.log_bytes();
        if matches!(kind, DisplayFormatType::TreeRender) {
            return write!(f, "logs={}\nbytes={bytes}", logs.len());
        }
        let first = logs.first().map_or("", |l| l.definition.format().name());
        write!(f, "LogExec: logs={}, format={first}, bytes={bytes}", logs.len())?;
        let shown: Vec<_> = shape.schema.fields().iter().map(|f| f.name().as_str()).collect();
        write!(f, ", columns=[{}]", shown.join(", "))?;
        if !conditions.is_empty() {
            write!(f, ", on bytes=[{}]", conditions.join(" AND "))?;
        }
        if let Some(literals) = request.filter.literals().filter(|_| !request.examine_all) {
            let quoted = |text: &&[u8]| format!("{:?}", String::from_utf8_lossy(text));
            let texts: Vec<_> = literals.texts.iter().map(quoted).collect();
            write!(f, ", lines with={}", texts.join(" or "))?;
        }
        if let Some(seek) = seek {
            write!(f, ", time seek=[{seek}]")?;
        }
        if let Some(limit) = limit {
            write!(f, ", limit={limit}")?;
        }
        write_path(f, logs)
    }
}

/// The read path of the first log, and why it is that one.
fn write_path(f: &mut fmt::Formatter<'_>, logs: &[Log]) -> fmt::Result {
    let Some((input, file)) = logs.iter().find_map(|l| Some((&l.input, l.input.plain()?))) else {
        return Ok(());
    };
    if input.is_by_calls() {
        return f
            .write_str(", read by=preadv (resident when it was opened: copied by large calls)");
    }
    match file.explain().choices.last() {
        Some(choice) => write!(f, ", read by={} ({})", choice.path, choice.reason),
        None => Ok(()),
    }
}

impl ExecutionPlan for LogExec {
    fn name(&self) -> &'static str {
        "LogExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("a scan of logs has no inputs");
        }
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition >= self.scan.partitions {
            return internal_err!("a scan of logs has no partition {partition}");
        }
        let count = |name: &'static str| MetricBuilder::new(&self.metrics).counter(name, partition);
        let counts = Counts {
            baseline: BaselineMetrics::new(&self.metrics, partition),
            bytes_read: count("bytes_read"),
            pages_touched: count("pages_touched"),
            lines: count("lines"),
            lines_skipped: count("lines_skipped"),
            bad_lines: count("bad_lines"),
        };
        Ok(Box::pin(Partition::new(self.run(partition), counts, self.scan.limit)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.scan.shape.schema);
        if args.partition().is_none()
            && let Some(rows) = self.rows_known()
        {
            statistics.num_rows = Precision::Exact(rows);
            return Ok(Arc::new(statistics));
        }
        let share = if args.partition().is_some() { self.scan.partitions.max(1) } else { 1 };
        let rows = self.scan.rows_estimated / share;
        statistics.num_rows = Precision::Inexact(self.scan.limit.map_or(rows, |l| rows.min(l)));
        Ok(Arc::new(statistics))
    }

    fn fetch(&self) -> Option<usize> {
        self.scan.limit
    }
}
