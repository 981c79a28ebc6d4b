//! Joins whose table does not fit in memory.
//!
//! The engine joins by a hash table, which is fast and cannot be put on disk. It can also sort both
//! sides and merge them, which is slower and can. Which is needed shows when the rows were read, so
//! the fast way is tried first, but for logs that are far too large: a join gives no rows before its
//! table is whole.

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

use crate::Seen;
use crate::scan::exec::LogExec;

/// The engine merges sorted sides only where it has this many partitions.
const PARTITIONS_MIN: usize = 2;

/// Of the bytes of logs whose rows are all in the table, one in so many is taken to be there. Where
/// that is too much, it is not tried: the table would grow to all of the memory first, and to nearly
/// twice of it where its batches are put together.
const TABLE_SHARE: u64 = 4;

/// How long the tasks of what did not fit have to give their memory back.
const RELEASE: Duration = Duration::from_secs(10);

/// A query that can be answered with sorted joins.
pub(crate) struct Sorted {
    state: SessionState,
    query: LogicalPlan,
    seen: Arc<Seen>,
    /// The logs are too large for memory.
    surely: bool,
}

impl Sorted {
    /// Where `plan`, made of `query`, has a join whose table may turn out not to fit.
    pub(crate) fn of(
        plan: &Arc<dyn ExecutionPlan>,
        query: LogicalPlan,
        state: &SessionState,
        seen: &Arc<Seen>,
    ) -> Option<Self> {
        let limit = state.runtime_env().memory_pool.memory_limit();
        let MemoryLimit::Finite(memory_bytes) = limit else { return None };
        // What writes may have written when it fails.
        let reads = !matches!(query, LogicalPlan::Dml(_) | LogicalPlan::Copy(_));
        let surely = table_bytes(plan) / TABLE_SHARE > memory_bytes as u64;
        let may_fail = reads && has_hash_join(plan);
        may_fail.then(|| Self { state: sorting(state), query, seen: Arc::clone(seen), surely })
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
            && let Some(sorted) = self.plan().await?
        {
            return self.sorted(sorted);
        }
        let mut rows = execute_stream(plan, task)?;
        let begin = rows.next().await;
        if let Some(Err(e)) = &begin
            && is_exhausted(e)
            && let Some(sorted) = self.plan().await?
        {
            drop(rows);
            self.released().await;
            // They are read once more.
            let _ = self.seen.take();
            return self.sorted(sorted);
        }
        let schema = rows.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(begin).chain(rows))))
    }

    fn sorted(&self, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
        self.seen.joins_were_sorted();
        execute_stream(plan, Arc::new(TaskContext::from(&self.state)))
    }

    /// A plan without tables of hashes; none where they cannot be done without.
    async fn plan(&self) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let plan = self.state.create_physical_plan(&self.query).await?;
        Ok((!has_hash_join(&plan)).then_some(plan))
    }

    /// Waits until nothing holds memory of the pool: a task that was ended lets go of its own at
    /// its next turn. Another query of the session may go on holding some, which is not waited for
    /// for ever.
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

/// Bytes of the logs that the largest table of hashes is made of; 0 where only some of their rows
/// are in it.
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
