//! Many logs as one, by time.
//!
//! Each log is read in its own order by a thread of its own, and the earliest of all next records is
//! handed over. Where times are equal, the log named first goes first. A record without a time follows
//! the one before it. Memory: [`PARTS_WAITING`] parts of at most [`PIECE_BYTES`] of lines
//! and a block for each log.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Finished, Log, Part, Request, Row, Rows, Sink, Tally, scan};
use crate::bad::BadLine;
use crate::record::Fields;
use crate::split::Stop;
use crate::time::{Clock, Nanos};
use crate::{Error, Result};

/// The most logs that are merged: each takes a thread.
pub const LOGS_MAX: usize = 512;

/// Parts that wait for their turn, per log.
const PARTS_WAITING: usize = 2;

/// Bytes of lines read for a part.
const PIECE_BYTES: u64 = 256 << 10;

/// Rows with their times.
#[derive(Debug, Default)]
struct Timed {
    rows: Rows,
    times: Vec<Nanos>,
}

/// Notes the time of each row that another sink makes.
struct TimedSink<S> {
    inner: S,
    times: Vec<Nanos>,
    latest: Nanos,
}

impl<S: Sink<Out = Rows>> Sink for TimedSink<S> {
    type Out = Timed;

    fn fields(&self) -> Option<Vec<String>> {
        self.inner.fields()
    }

    fn begin(&mut self, log: usize, fields: &mut Fields) {
        self.inner.begin(log, fields);
    }

    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        self.latest = row.time.unwrap_or(self.latest);
        self.times.push(self.latest);
        self.inner.row(row, clock);
    }

    fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    fn take(&mut self) -> Timed {
        Timed { rows: self.inner.take(), times: std::mem::take(&mut self.times) }
    }
}

/// Hands the rows of all `logs` over in the order of their times, with the log's index; breaks
/// off when `emit` does. `bad` gets the bad lines of each log as they are found.
///
/// # Errors
/// When a log has no time, or there are more than [`LOGS_MAX`].
pub fn merge<S: Sink<Out = Rows>>(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
    sink: impl Fn() -> S + Sync,
    bad: impl FnMut(usize, &mut Vec<BadLine>) -> ControlFlow<()> + Send,
    emit: impl FnMut(usize, &[u8]) -> ControlFlow<()>,
) -> Result<Finished<()>> {
    if logs.len() > LOGS_MAX {
        let words = format!("{} logs are too many to merge; {LOGS_MAX} are the most", logs.len());
        return Err(Error::request(words));
    }
    for log in logs {
        crate::format::need_time(log.time.as_ref(), "merging by time")?;
    }
    let bad = Mutex::new(bad);
    let finished = thread::scope(|scope| {
        let (mut readers, mut receivers) = (Vec::new(), Vec::new());
        for index in 0..logs.len() {
            let (sender, receiver) = sync_channel(PARTS_WAITING);
            let (sink, bad) = (&sink, &bad);
            let read = move || read(logs, index, request, stop, sink, bad, sender);
            readers.push(thread::Builder::new().spawn_scoped(scope, read));
            receivers.push(receiver);
        }
        hand_over(receivers, stop, emit);
        let all = readers.into_iter().zip(logs).map(|(reader, log)| match reader {
            Ok(reader) => reader.join().unwrap_or_else(|_| lost()),
            Err(e) => not_started(log, e),
        });
        all.collect::<Vec<_>>()
    });
    let mut all = Finished { sinks: Vec::new(), tallies: Vec::new(), failures: Vec::new() };
    for (index, mut one) in finished.into_iter().enumerate() {
        all.tallies.push(one.tallies.pop().unwrap_or_default());
        all.failures.extend(one.failures.into_iter().map(|(_, e)| (index, e)));
    }
    Ok(all)
}

/// What is reported for a log whose reader ended early.
fn lost() -> Finished<()> {
    let why = std::io::Error::other("its thread ended early; this is an error of the program");
    failed(Error::Stream("finish reading".into(), why))
}

/// What is reported for a log without a reader: its lines cannot be put between those of others.
fn not_started(log: &Log, e: std::io::Error) -> Finished<()> {
    let words = format!("{e}; likely cause: the limit of processes; see: ulimit -u");
    let why = std::io::Error::new(e.kind(), words);
    failed(Error::Stream(format!("start a thread to merge {}", log.input.path.display()), why))
}

fn failed(error: Error) -> Finished<()> {
    Finished { sinks: Vec::new(), tallies: vec![Tally::default()], failures: vec![(0, error)] }
}

/// Reads one log and sends its rows.
fn read<S: Sink<Out = Rows>>(
    logs: &[Log],
    index: usize,
    request: &Request,
    stop: &Stop,
    sink: &(impl Fn() -> S + Sync),
    bad: &Mutex<impl FnMut(usize, &mut Vec<BadLine>) -> ControlFlow<()> + Send>,
    sender: SyncSender<Timed>,
) -> Finished<()> {
    let mut request = request.clone();
    (request.threads, request.with_time) = (1, true);
    request.limits.piece_bytes = PIECE_BYTES;
    request.ranges = vec![request.ranges.get(index).cloned().flatten()];
    let each = |_: usize, part: &mut Part<Timed>| {
        if !part.bad_lines.is_empty() {
            let mut bad = bad.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            bad(index, &mut part.bad_lines)?;
        }
        let timed = std::mem::take(&mut part.out);
        let gone = !timed.times.is_empty() && sender.send(timed).is_err();
        if gone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let make = || TimedSink { inner: sink(), times: Vec::new(), latest: Nanos::MIN };
    let done = scan(&logs[index..=index], &request, stop, make, each);
    Finished { sinks: Vec::new(), tallies: done.tallies, failures: done.failures }
}

/// The rows of one log that wait for their turn.
struct Head {
    receiver: Receiver<Timed>,
    timed: Timed,
    next: usize,
}

impl Head {
    /// The time of the next row; nothing after the last one.
    fn time(&mut self) -> Option<Nanos> {
        if self.next == self.timed.times.len() {
            // The sender goes away after its last part.
            self.timed = self.receiver.recv().ok()?;
            self.next = 0;
        }
        self.timed.times.get(self.next).copied()
    }
}

/// Hands rows over, earliest first.
fn hand_over(
    receivers: Vec<Receiver<Timed>>,
    stop: &Stop,
    mut emit: impl FnMut(usize, &[u8]) -> ControlFlow<()>,
) {
    let head = |receiver| Head { receiver, timed: Timed::default(), next: 0 };
    let mut heads: Vec<Head> = receivers.into_iter().map(head).collect();
    let mut order = BinaryHeap::new();
    for (log, head) in heads.iter_mut().enumerate() {
        order.extend(head.time().map(|time| Reverse((time, log))));
    }
    while let Some(Reverse((_, log))) = order.pop() {
        let head = &mut heads[log];
        if emit(log, head.timed.rows.row(head.next)).is_break() {
            stop.stop();
            return;
        }
        head.next += 1;
        order.extend(head.time().map(|time| Reverse((time, log))));
    }
}
