//! One partition of a scan: batches when they are asked for.
//!
//! A piece is read and parsed in the thread that asks, with nothing between: no other thread, no
//! queue, no batch more than a piece holds. Dropping the stream ends it. Only a log that must be
//! read from its start to its end gets a thread, and a queue of [`QUEUE`] batches.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cutwater_logs::scan::{Log, Pieces, Pull, Request, Tally, lines_before};
use cutwater_logs::split::Task;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::RecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count};
use futures::Stream;
use tokio::sync::mpsc;

use super::counters::Counters;
use super::known::Counting;
use super::rows::Rows;
use super::shape::Shape;

/// Batches that wait between the thread of a stream and the partition.
const QUEUE: usize = 4;

/// What the partitions of one execution share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) logs: Arc<Vec<Log>>,
    pub(super) request: Arc<Request>,
    pub(super) shape: Arc<Shape>,
    pub(super) pieces: Pieces,
    pub(super) counters: Arc<Counters>,
    /// The lines before each piece, or why they are not known; where numbers of lines are wanted.
    pub(super) numbers: Option<OnceLock<std::result::Result<Vec<u64>, String>>>,
    /// Counts the rows for later scans, where all of them are given.
    pub(super) counting: Option<Counting>,
}

impl Run {
    fn pull(&self) -> Pull<Rows> {
        let rows = Rows::new(Arc::clone(&self.shape));
        Pull::new(Arc::clone(&self.logs), Arc::clone(&self.request), rows)
    }

    /// The lines before a piece; 0 for a stream, whose lines are counted as they come.
    fn lines_before(&self, piece: usize) -> Result<u64> {
        let Some(numbers) = &self.numbers else { return Ok(0) };
        let count =
            || lines_before(&self.logs, &self.request, &self.pieces).map_err(|e| e.to_string());
        match numbers.get_or_init(count) {
            Ok(numbers) => Ok(numbers.get(piece).copied().unwrap_or(0)),
            Err(words) => Err(DataFusionError::External(words.clone().into())),
        }
    }
}

/// Bytes of a page of the page cache, in which EXPLAIN ANALYZE counts.
const PAGE_BYTES: u64 = 4096;

/// Metrics for EXPLAIN ANALYZE.
pub(super) struct Counts {
    pub(super) baseline: BaselineMetrics,
    pub(super) bytes_read: Count,
    /// Pages of these bytes, counted piece by piece.
    pub(super) pages_touched: Count,
    pub(super) lines: Count,
    pub(super) lines_skipped: Count,
    pub(super) bad_lines: Count,
}

impl Counts {
    fn add(&self, tally: &Tally) {
        let add = |count: &Count, n: u64| count.add(usize::try_from(n).unwrap_or(usize::MAX));
        add(&self.bytes_read, tally.bytes);
        add(&self.pages_touched, tally.bytes.div_ceil(PAGE_BYTES));
        add(&self.lines, tally.lines);
        add(&self.lines_skipped, tally.skipped);
        add(&self.bad_lines, tally.bad.total());
    }
}

type Fed = std::result::Result<(Option<RecordBatch>, Tally), DataFusionError>;

/// The batches of one partition.
pub(super) struct Partition {
    run: Arc<Run>,
    pull: Option<Pull<Rows>>,
    ready: VecDeque<RecordBatch>,
    feed: Option<mpsc::Receiver<Fed>>,
    counts: Counts,
    /// Rows that may still be given.
    left: usize,
}

impl Partition {
    pub(super) fn new(run: Arc<Run>, counts: Counts, limit: Option<usize>) -> Self {
        let pull = Some(run.pull());
        let left = limit.unwrap_or(usize::MAX);
        Self { run, pull, ready: VecDeque::new(), feed: None, counts, left }
    }

    /// Gives a batch out, cut to the rows that may still be given.
    fn give(&mut self, batch: RecordBatch) -> RecordBatch {
        let batch = batch.slice(0, batch.num_rows().min(self.left));
        self.left -= batch.num_rows();
        batch
    }

    /// Takes the next piece; false after the last one.
    fn next_piece(&mut self) -> Result<bool> {
        let run = Arc::clone(&self.run);
        let Some(mut pull) = self.pull.take() else { return Ok(false) };
        let Some((index, task)) = run.pieces.take() else {
            self.end(pull)?;
            if let Some(counting) = &run.counting {
                counting.end_part(&run.logs);
            }
            return Ok(false);
        };
        pull.sink().lines_before = run.lines_before(index)?;
        if pull.is_stream(task) {
            self.feed = Some(spawn(Arc::clone(&run), task.clone()));
        } else {
            self.read(&mut pull, task)?;
        }
        self.pull = Some(pull);
        Ok(true)
    }

    fn read(&mut self, pull: &mut Pull<Rows>, task: &Task) -> Result<()> {
        let (run, ready, counts) = (&self.run, &mut self.ready, &self.counts);
        let mut refused = None;
        let read = pull.piece(task, |rows, part| {
            counts.add(&part.tally);
            run.counters.add(&part.tally, run.shape.bad_lines);
            if let Some(counting) = &run.counting {
                counting.add(part.tally.matched, part.tally.bad.total());
            }
            rows.lines_before += part.tally.lines;
            let drained = rows.drain(|batch| {
                ready.push_back(batch);
                ControlFlow::Continue(())
            });
            drained.unwrap_or_else(|e| {
                refused = Some(e);
                ControlFlow::Break(())
            })
        });
        read.map_err(|e| DataFusionError::External(Box::new(e)))?;
        refused.map_or(Ok(()), |e| Err(e.into()))
    }

    /// Hands over what is left after the last piece.
    fn end(&mut self, mut pull: Pull<Rows>) -> Result<()> {
        let rows = pull.sink();
        rows.flush();
        self.run.counters.add_misfits(rows.misfits());
        let ready = &mut self.ready;
        let _ = rows.drain(|batch| {
            ready.push_back(batch);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        while self.left > 0 {
            if let Some(batch) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(self.give(batch))));
            }
            if let Some(feed) = &mut self.feed {
                match std::task::ready!(feed.poll_recv(context)) {
                    Some(Ok((batch, tally))) => {
                        self.counts.add(&tally);
                        self.ready.extend(batch);
                    }
                    Some(Err(e)) => return Poll::Ready(Some(Err(self.fail(e)))),
                    None => self.feed = None,
                }
                continue;
            }
            let time = self.counts.baseline.elapsed_compute().clone();
            let timer = time.timer();
            let next = self.next_piece();
            timer.done();
            match next {
                // A piece without a row to give: let a task that ends the query have a turn.
                Ok(true) if self.ready.is_empty() && self.feed.is_none() => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(false) if self.ready.is_empty() => break,
                Ok(_) => {}
                Err(e) => return Poll::Ready(Some(Err(self.fail(e)))),
            }
        }
        Poll::Ready(None)
    }

    /// Nothing comes after an error.
    fn fail(&mut self, error: DataFusionError) -> DataFusionError {
        self.left = 0;
        error
    }
}

/// Reads a log from its start to its end in a thread of its own.
fn spawn(run: Arc<Run>, task: Task) -> mpsc::Receiver<Fed> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let refused = sender.clone();
    // The channel ends when the thread does, and the thread ends when the receiver is dropped.
    let read = move || {
        let mut pull = run.pull();
        let send = |fed: Fed| match sender.blocking_send(fed) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let mut refused = None;
        let read = pull.piece(&task, |rows, part| {
            run.counters.add(&part.tally, run.shape.bad_lines);
            if let Some(counting) = &run.counting {
                counting.add(part.tally.matched, part.tally.bad.total());
            }
            rows.lines_before += part.tally.lines;
            send(Ok((None, part.tally)))?;
            rows.drain(|batch| send(Ok((Some(batch), Tally::default())))).unwrap_or_else(|e| {
                refused = Some(e);
                ControlFlow::Break(())
            })
        });
        let rows = pull.sink();
        rows.flush();
        run.counters.add_misfits(rows.misfits());
        let drained = rows.drain(|batch| send(Ok((Some(batch), Tally::default()))));
        if let Some(e) = refused.or_else(|| drained.err()) {
            let _ = send(Err(e.into()));
        }
        if let Err(e) = read {
            let _ = send(Err(DataFusionError::External(Box::new(e))));
        }
    };
    // The runtime would panic where no thread can be started.
    if let Err(e) = std::thread::Builder::new().name("stream".into()).spawn(read) {
        let failure = crate::Failure::new("cannot start a thread to read a log").because(e);
        let _ = refused.try_send(Err(DataFusionError::External(Box::new(failure))));
    }
    receiver
}

impl Stream for Partition {
    type Item = Result<RecordBatch>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<RecordBatch>>> {
        let poll = self.poll(context);
        self.counts.baseline.record_poll(poll)
    }
}

impl RecordBatchStream for Partition {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.run.shape.schema)
    }
}
