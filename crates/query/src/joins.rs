//! Joins whose table does not fit in memory.
//!
//! The engine joins by a hash table, which is fast and cannot be put on disk. It can also sort both
//! sides and merge them, which is slower and can. Nobody knows which is needed before the rows were
//! read, so the fast way is tried first; a join gives no rows before its table is whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::{
    SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext,
};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, stream};

use crate::Seen;

/// The engine merges sorted sides only where it has this many partitions.
const PARTITIONS_MIN: usize = 2;

/// How long the tasks of what did not fit have to give their memory back.
const RELEASE: Duration = Duration::from_secs(10);

/// A query that can be answered with sorted joins.
pub(crate) struct Sorted {
    state: SessionState,
    query: LogicalPlan,
    seen: Arc<Seen>,
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
        let bounded = matches!(limit, MemoryLimit::Finite(_));
        // What writes may have written when it fails.
        let reads = !matches!(query, LogicalPlan::Dml(_) | LogicalPlan::Copy(_));
        let may_fail = bounded && reads && has_hash_join(plan);
        may_fail.then(|| Self { state: sorting(state), query, seen: Arc::clone(seen) })
    }

    /// The rows of `first`, or, where it had no memory for its first row, those of the same query
    /// with sorted joins.
    pub(crate) fn unless_fits(self, first: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let schema = first.schema();
        let rows = stream::once(self.begun(first)).flatten();
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }

    async fn begun(self, mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let schema = rows.schema();
        let begin = rows.next().await;
        let again = match &begin {
            Some(Err(e)) if is_exhausted(e) => self.plan().await.transpose(),
            _ => None,
        };
        let Some(again) = again else {
            let rows = stream::iter(begin).chain(rows);
            return Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        };
        drop(rows);
        self.released().await;
        // They are read once more.
        let _ = self.seen.take();
        self.seen.joins_were_sorted();
        let task = Arc::new(TaskContext::from(&self.state));
        again.and_then(|plan| execute_stream(plan, task)).unwrap_or_else(|e| {
            Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter([Err(e)])))
        })
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

fn has_hash_join(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<HashJoinExec>().is_some() || plan.children().into_iter().any(has_hash_join)
}

fn is_exhausted(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}
