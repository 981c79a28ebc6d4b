//! Asking, and writing what is answered.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cutwater_logs::seek::PLACES;
use cutwater_query::{Failure, Session, Snapshot};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::End;
use super::args::Args;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::writing::Writing;

/// Answers all statements of a text, until one fails.
pub(super) async fn all(
    session: &mut Session,
    args: &Args,
    interrupt: &Interrupt,
    sql: &str,
) -> Result<End, Failure> {
    let statements = session.parse(sql)?;
    if statements.len() > 1 && args.output.is_some() {
        return Err(Failure::usage(
            "--output takes one answer, and there are several statements; ask one at a time",
        ));
    }
    for statement in statements {
        if let End::Interrupted = one(session, args, interrupt, statement).await? {
            return Ok(End::Interrupted);
        }
    }
    Ok(End::Done)
}

/// Answers one; Ctrl-C ends it.
pub(super) async fn one(
    session: &mut Session,
    args: &Args,
    interrupt: &Interrupt,
    statement: Statement,
) -> Result<End, Failure> {
    let _ = session.counters().take();
    let bytes = session.logs().values().flat_map(|t| t.logs()).map(|l| l.input.size()).sum();
    let progress = Progress::start(Arc::clone(session.counters()), bytes, args.quiet);
    let answer = async {
        let rows = Rows::start(session.answer(statement).await?);
        write(rows, args, progress).await
    };
    let end = tokio::select! {
        answered = answer => answered.map(|()| End::Done),
        () = interrupt.pressed() => Ok(End::Interrupted),
    };
    interrupt.over();
    let end = end?;
    if !args.quiet {
        tell(&session.counters().take());
    }
    Ok(end)
}

/// Batches that wait to be written.
const QUEUE: usize = 2;

/// The rows of an answer, made by a task of its own: an engine at work may not come up for air
/// for long, and Ctrl-C must not wait for it. Dropped, they end the task.
struct Rows {
    schema: SchemaRef,
    batches: Receiver<Result<RecordBatch, DataFusionError>>,
    task: JoinHandle<()>,
}

impl Rows {
    fn start(mut rows: SendableRecordBatchStream) -> Self {
        let (sender, batches) = channel(QUEUE);
        let schema = rows.schema();
        let task = tokio::spawn(async move {
            while let Some(batch) = rows.next().await {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        });
        Self { schema, batches, task }
    }

    /// The next rows; an engine that broke off is no end of an answer.
    async fn next(&mut self) -> Option<Result<RecordBatch, Failure>> {
        match self.batches.recv().await {
            Some(batch) => Some(batch.map_err(Failure::from)),
            None => match (&mut self.task).await {
                Ok(()) => None,
                Err(e) => Some(Err(Failure::new(format!("the query broke off: {e}")))),
            },
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn write(
    mut batches: Rows,
    args: &Args,
    mut progress: Option<Progress>,
) -> Result<(), Failure> {
    let schema = Arc::clone(&batches.schema);
    // What makes no rows (CREATE VIEW, SET) has nothing to show.
    if schema.fields().is_empty() {
        while let Some(batch) = batches.next().await {
            batch?;
        }
        return Ok(());
    }
    let mut writing = Writing::new(args, &schema)?;
    while let Some(batch) = batches.next().await {
        // The bar would be in the way of the answer.
        drop(progress.take());
        writing.writer.batch(&batch?)?;
    }
    drop(progress);
    writing.finish()
}

/// Says what the answer leaves out.
fn tell(sums: &Snapshot) {
    let mut words = String::new();
    if sums.bad > 0 {
        let what = match sums.bad {
            1 => "1 line is no record and was left out".to_owned(),
            n => format!("{n} lines are no records and were left out"),
        };
        words.push_str(&format!(
            "cutwater: {what}; SELECT _line, _error, _raw FROM log WHERE _error IS NOT NULL \
             shows more\n"
        ));
    }
    for (column, count) in &sums.misfits {
        words.push_str(&format!(
            "cutwater: values of {column} that are not of its type and so NULL: {count}; they \
             stand in _raw\n"
        ));
    }
    if sums.sought {
        words.push_str(&format!(
            "cutwater: the log counts as sorted by time ({PLACES} places of it are), so only a \
             part was read; lines far out of order are missed, and --no-seek reads all\n"
        ));
    }
    if sums.sorted_joins {
        words.push_str(
            "cutwater: what is joined did not fit in --memory, so it was sorted on disk, which \
             takes longer; with more memory it need not be\n",
        );
    }
    // With standard error closed there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(words.as_bytes());
}
