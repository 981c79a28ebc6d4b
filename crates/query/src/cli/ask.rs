//! Answers statements, and writes the answers.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cutwater_query::{Session, Snapshot, engine_failure};
use cutwater_shell::left_out::LeftOut;
use cutwater_shell::output_file::Inputs;
use cutwater_shell::progress::Reading;
use cutwater_shell::words::printable;
use cutwater_shell::{Failure, note};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::End;
use super::args::Args;
use super::interrupt::Interrupt;
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

/// Answers one statement; Ctrl-C ends it.
pub(super) async fn one(
    session: &mut Session,
    args: &Args,
    interrupt: &Interrupt,
    statement: Statement,
) -> Result<End, Failure> {
    let before = session.counters().take();
    if !args.quiet {
        before.notes.iter().for_each(|words| note(words));
    }
    let bytes = session.logs().values().flat_map(|t| t.logs()).map(|l| l.input.size()).sum();
    let counters = Arc::clone(session.counters());
    let progress = if args.quiet { None } else { Reading::start(bytes, move || counters.bytes()) };
    let answer = async {
        let rows = Rows::start(session.answer(statement).await?);
        write(rows, args, &session.inputs(), progress).await
    };
    let end = tokio::select! {
        answered = answer => answered.map(|()| End::Done),
        () = interrupt.pressed() => Ok(End::Interrupted),
    };
    interrupt.query_ended();
    let end = end?;
    if !args.quiet {
        note_what_is_missing(&session.counters().take());
        let logs = session.logs().values().flat_map(|table| table.logs());
        for remark in logs.filter_map(|log| log.input.take_remark()) {
            note(&printable(remark.as_bytes()));
        }
    }
    Ok(end)
}

/// Batches that wait to be written.
const QUEUE: usize = 2;

/// The rows of an answer, made by a task of its own: a busy engine may not yield for long, and
/// Ctrl-C must not wait for it. Dropping them ends the task.
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

    /// The next rows. If the engine broke off, that is a failure and not the end of the answer.
    async fn next(&mut self) -> Option<Result<RecordBatch, Failure>> {
        match self.batches.recv().await {
            Some(batch) => Some(batch.map_err(engine_failure)),
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
    inputs: &Inputs,
    mut progress: Option<Reading>,
) -> Result<(), Failure> {
    let schema = Arc::clone(&batches.schema);
    // Statements that make no rows (CREATE VIEW, SET) have nothing to show.
    if schema.fields().is_empty() {
        while let Some(batch) = batches.next().await {
            batch?;
        }
        return Ok(());
    }
    let mut writing = Writing::new(args, inputs, &schema)?;
    while let Some(batch) = batches.next().await {
        // The bar would be in the way of the answer.
        drop(progress.take());
        writing.writer.batch(&batch?)?;
    }
    drop(progress);
    writing.finish()
}

/// Says what the answer leaves out.
fn note_what_is_missing(sums: &Snapshot) {
    let left_out = LeftOut {
        bad_lines: sums.bad,
        shows_bad_lines: "SELECT _line, _error, _raw FROM log WHERE _error IS NOT NULL shows more",
        misfits: Some(&sums.misfits),
        shows_misfits: "where they are NULL, the column _raw shows them",
        unknown_zones: Some(&sums.unknown_zones),
        order: sums.sought.then_some("--no-seek reads all"),
        ..LeftOut::default()
    };
    left_out.print();
    sums.notes.iter().for_each(|words| note(words));
    if sums.sorted_joins {
        note(
            "what is joined did not fit in --memory, so it was sorted on disk, which takes \
             longer; with more memory it need not be",
        );
    }
}
