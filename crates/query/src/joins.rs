//! Joins whose table does not fit in memory.
//!
//! The engine joins by a hash table, which is fast and cannot be put on disk. It can also sort both
//! sides and merge them, which is slower and can be put on disk. Whether the table fits shows only when
//! the rows are read. So the fast way is tried first, unless the logs are far too large; this is
//! safe because a join gives no rows before its table is whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::{
    SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext,
};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, stream};

use crate::Counters;
use crate::scan::exec::LogExec;

/// The engine merges sorted sides only where it has this many partitions.
const PARTITIONS_MIN: usize = 2;

/// A table of all rows of some logs is taken to hold one byte for this many bytes of the logs. Where
/// that does not fit, the hash join is not tried: the table would first grow to all of the memory,
/// and to nearly twice of it where its batches are joined.
const TABLE_SHARE: u64 = 4;

/// How long the tasks of a plan that did not fit have to free their memory.
const RELEASE: Duration = Duration::from_secs(10);

/// A query that can be answered with sorted joins.
pub(crate) struct SortedJoins {
    state: SessionState,
    query: LogicalPlan,
    counters: Arc<Counters>,
    /// The logs are too large for memory.
    surely: bool,
}

impl SortedJoins {
    /// A second way to answer `query`, where `plan` for it has a join whose table may not fit.
    pub(crate) fn for_plan(
        plan: &Arc<dyn ExecutionPlan>,
        query: LogicalPlan,
        state: &SessionState,
        counters: &Arc<Counters>,
    ) -> Option<Self> {
        let limit = state.runtime_env().memory_pool.memory_limit();
        let MemoryLimit::Finite(memory_bytes) = limit else { return None };
        // A statement that writes may have written when it fails, so it cannot begin again.
        let reads = !matches!(query, LogicalPlan::Dml(_) | LogicalPlan::Copy(_));
        let surely = table_bytes(plan) / TABLE_SHARE > memory_bytes as u64;
        let may_fail = reads && has_hash_join(plan);
        may_fail.then(|| Self {
            state: sorting(state),
            query,
            counters: Arc::clone(counters),
            surely,
        })
    }

    /// The rows of `plan`, or, where it has no memory for its first row, those of the same query
    /// with sorted joins.
    pub(crate) fn unless_fits(
        self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> SendableRecordBatchStream {
        let schema = plan.schema();
        let rows = stream::once(self.begun(plan, task)).map(|rows| match rows {
            Ok(rows) => rows.left_stream(),
            Err(e) => stream::iter([Err(e)]).right_stream(),
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, rows.flatten()))
    }

    async fn begun(
        self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.surely
            && let Some(sorted) = self.sorted_plan().await?
        {
            return self.execute_sorted(sorted);
        }
        let mut rows = execute_stream(plan, task)?;
        let begin = rows.next().await;
        if let Some(Err(e)) = &begin
            && is_exhausted(e)
            && let Some(sorted) = self.sorted_plan().await?
        {
            drop(rows);
            self.released().await;
            // The logs are read again, so the counts begin again.
            let _ = self.counters.take();
            return self.execute_sorted(sorted);
        }
        let schema = rows.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(begin).chain(rows))))
    }

    fn execute_sorted(&self, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
        self.counters.joins_were_sorted();
        execute_stream(plan, Arc::new(TaskContext::from(&self.state)))
    }

    /// A plan without hash tables, if there is one.
    async fn sorted_plan(&self) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let plan = self.state.create_physical_plan(&self.query).await?;
        Ok((!has_hash_join(&plan)).then_some(plan))
    }

    /// Waits until nothing holds memory of the pool: a task that was ended frees its own at its next
    /// turn. Another query of the session may keep some, so the wait has an end.
    async fn released(&self) {
        let until = Instant::now() + RELEASE;
        while self.state.runtime_env().memory_pool.reserved() > 0 && Instant::now() < until {
            tokio::task::yield_now().await;
        }
    }
}

/// The same session, whose joins are sorted.
fn sorting(state: &SessionState) -> SessionState {
    let mut config = state.config().clone();
    let options = config.options_mut();
    options.optimizer.prefer_hash_join = false;
    let partitions = options.execution.target_partitions;
    options.execution.target_partitions = partitions.max(PARTITIONS_MIN);
    SessionStateBuilder::new_from_existing(state.clone()).with_config(config).build()
}

/// Bytes of the logs that the largest hash table is made of; 0 where only some of their rows are in
/// it.
fn table_bytes(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let joined = plan.downcast_ref::<HashJoinExec>().map_or(0, |join| whole_log_bytes(join.left()));
    plan.children().into_iter().map(table_bytes).max().unwrap_or(0).max(joined)
}

/// Bytes of the logs below, where all of their rows come up.
fn whole_log_bytes(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    if let Some(scan) = plan.downcast_ref::<LogExec>() {
        return scan.whole_bytes().unwrap_or(0);
    }
    let keeps = plan.downcast_ref::<RepartitionExec>().is_some()
        || plan.downcast_ref::<ProjectionExec>().is_some()
        || plan.downcast_ref::<CoalescePartitionsExec>().is_some();
    if !keeps {
        return 0;
    }
    plan.children().into_iter().map(whole_log_bytes).sum()
}

fn has_hash_join(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<HashJoinExec>().is_some() || plan.children().into_iter().any(has_hash_join)
}

fn is_exhausted(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}
