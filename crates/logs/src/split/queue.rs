//! Threads that take pieces from one queue, and hand over what they made in the files' order.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Block, BlockSink, Blocks, Input, Limits, ReadAt, decode};
use crate::{Error, Result};

/// One piece of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Index of the input.
    pub input: usize,
    /// The bytes that it covers; 0 to `u64::MAX` for a stream.
    pub range: Range<u64>,
}

/// What a thread does with the lines of the pieces that it takes.
pub trait Worker: Send {
    /// What is made of a piece; it is handed over in the order of the inputs and of their pieces.
    type Out: Send;

    /// A piece begins.
    fn begin(&mut self, task: &Task);

    /// The next lines of it.
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()>;

    /// A line of it longer than the limit; `bytes` counts its line feed if it has one.
    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]);

    /// As in [`BlockSink::joins_lines`].
    fn joins_lines(&self) -> bool {
        false
    }

    /// As in [`BlockSink::begins_record`].
    fn begins_record(&mut self, _line: &[u8]) -> bool {
        true
    }

    /// As in [`BlockSink::left_out`].
    fn left_out(&mut self, _lines: u64, _bytes: u64) {}

    /// Whether it holds enough to be handed over before the piece ends.
    fn is_full(&self) -> bool;

    /// Hands over what was made since the last call. `last` is true once per piece.
    fn take(&mut self, last: bool) -> Self::Out;
}

/// Stops a run from outside, and shows how far it is.
#[derive(Debug, Default)]
pub struct Stop {
    stop: AtomicBool,
    bytes: AtomicU64,
    threads_refused: AtomicUsize,
}

impl Stop {
    /// Asks the run to end; what was found so far is kept.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How many threads could not be started; their work was done by those that could.
    #[must_use]
    pub fn threads_refused(&self) -> usize {
        self.threads_refused.load(Ordering::Relaxed)
    }

    /// Bytes of lines handled so far, decompressed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// How many finished pieces may wait for an earlier one, per thread.
const WAITING_PER_THREAD: usize = 4;

/// How often a thread that waits for its turn looks whether it should stop.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Runs one thread per worker over all `tasks`, the caller's among them, and calls `emit` for each piece in
/// order. Where a thread cannot be started, the others do its work ([`Stop::threads_refused`]).
/// Returns the workers that ran, and the failures with the index of their input. A failure ends only its piece;
/// several of one input are returned as one.
pub fn run_workers<W: Worker>(
    inputs: &[Input],
    tasks: &[Task],
    limits: Limits,
    stop: &Stop,
    workers: Vec<W>,
    emit: impl FnMut(usize, W::Out) -> ControlFlow<()> + Send,
) -> (Vec<W>, Vec<(usize, Error)>) {
    let shared = Shared {
        next: AtomicUsize::new(0),
        stop,
        order: Mutex::new(Order { head: 0, waiting: BTreeMap::new(), emit, failures: Vec::new() }),
        moved: Condvar::new(),
        waiting_max: WAITING_PER_THREAD * workers.len(),
        beside: decodes_beside(workers.len(), tasks.len(), inputs.iter()),
    };
    let mut workers = workers.into_iter();
    let own = workers.next();
    let workers = thread::scope(|scope| {
        let (shared, mut handles) = (&shared, Vec::new());
        for worker in workers {
            let work = move || shared.work(inputs, tasks, limits, worker);
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(handle) => handles.push(handle),
                Err(_) => drop(stop.threads_refused.fetch_add(1, Ordering::Relaxed)),
            }
        }
        let own = own.map(|worker| shared.work(inputs, tasks, limits, worker));
        own.into_iter().chain(handles.into_iter().filter_map(|h| h.join().ok())).collect()
    });
    let order = shared.order.into_inner().unwrap_or_else(PoisonError::into_inner);
    (workers, order.failures.into_iter().map(Failed::into_error).collect())
}

struct Shared<'a, O, E> {
    next: AtomicUsize,
    stop: &'a Stop,
    order: Mutex<Order<O, E>>,
    moved: Condvar,
    waiting_max: usize,
    beside: bool,
}

/// Whether decoders run beside the threads that take the lines: with `threads` threads for `pieces`
/// pieces of `inputs`, where each compressed input can have one of the threads that have no piece.
pub fn decodes_beside<'a>(
    threads: usize,
    pieces: usize,
    inputs: impl Iterator<Item = &'a Input>,
) -> bool {
    let compressed = inputs.filter(|input| input.kind.is_compressed()).count();
    compressed > 0 && threads.saturating_sub(pieces) >= compressed
}

struct Order<O, E> {
    head: usize,
    waiting: BTreeMap<usize, (usize, O)>,
    emit: E,
    failures: Vec<Failed>,
}

/// Why parts of an input could not be read.
struct Failed {
    input: usize,
    /// That of the earliest piece.
    error: Error,
    pieces: u64,
    /// From the start of the first to the end of the last.
    range: Range<u64>,
}

impl Failed {
    fn is_truncation(&self) -> bool {
        matches!(self.error, Error::Truncated { .. })
    }

    fn into_error(self) -> (usize, Error) {
        let Self { input, error, pieces, range } = self;
        if pieces == 1 || matches!(error, Error::Truncated { .. }) {
            return (input, error);
        }
        (input, Error::Pieces { first: Box::new(error), pieces, range })
    }
}

impl<O, E> Order<O, E> {
    /// Notes a failure. All pieces of an input share one: a device that is gone fails for each of
    /// them.
    fn fail(&mut self, task: &Task, error: Error) {
        let (input, range) = (task.input, task.range.clone());
        let failed = Failed { input, error, pieces: 1, range };
        let truncation = failed.is_truncation();
        let mut all = self.failures.iter_mut();
        let Some(known) = all.find(|f| f.input == input && f.is_truncation() == truncation) else {
            self.failures.push(failed);
            return;
        };
        known.pieces += 1;
        if failed.range.start < known.range.start {
            known.error = failed.error;
        }
        known.range.start = known.range.start.min(failed.range.start);
        known.range.end = known.range.end.max(failed.range.end);
    }
}

impl<O: Send, E: FnMut(usize, O) -> ControlFlow<()> + Send> Shared<'_, O, E> {
    fn work<W: Worker<Out = O>>(
        &self,
        inputs: &[Input],
        tasks: &[Task],
        limits: Limits,
        mut worker: W,
    ) -> W {
        let mut blocks = Blocks::new(limits);
        while !self.stop.is_stopped() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else { break };
            worker.begin(task);
            let mut lines = Lines { shared: self, worker: &mut worker, index, input: task.input };
            let input = &inputs[task.input];
            let result = read_task(&mut blocks, input, task, self.beside, &mut lines);
            if let Err(e) = result {
                self.lock().fail(task, e);
            }
            let out = worker.take(true);
            self.submit(index, task.input, out, true);
        }
        worker
    }

    /// Hands `out` over once all earlier pieces were. Until then keeps it, or waits if too many
    /// are kept or the piece is not finished.
    fn submit(&self, index: usize, input: usize, out: O, last: bool) {
        let mut order = self.lock();
        while order.head != index {
            if self.stop.is_stopped() || last && order.waiting.len() < self.waiting_max {
                if last {
                    order.waiting.insert(index, (input, out));
                }
                return;
            }
            // A stop from outside wakes no thread: look again now and then.
            let waited = self.moved.wait_timeout(order, LOOK_AGAIN);
            order = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.emit(&mut order, input, out);
        if !last {
            return;
        }
        order.head += 1;
        loop {
            let head = order.head;
            let Some((input, out)) = order.waiting.remove(&head) else { break };
            self.emit(&mut order, input, out);
            order.head += 1;
        }
        self.moved.notify_all();
    }

    fn emit(&self, order: &mut Order<O, E>, input: usize, out: O) {
        if (order.emit)(input, out).is_break() {
            self.stop.stop();
            self.moved.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Order<O, E>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the lines of a piece; with `beside`, a compressed input is decoded by another thread.
pub(crate) fn read_task(
    blocks: &mut Blocks,
    input: &Input,
    task: &Task,
    beside: bool,
    lines: &mut impl BlockSink,
) -> Result<()> {
    if let Some(file) = input.plain() {
        let mut ended = None;
        // Its last line may go on into the next piece, and has to be there as well.
        let end = task.range.end.max(input.size());
        let fill = |at: u64, buf: &mut [u8]| {
            let n = ReadAt::read_at(file, buf, at)?;
            if n == 0 && at < end && !buf.is_empty() {
                ended.get_or_insert(at);
            }
            Ok(n)
        };
        let done = blocks.read(task.range.clone(), fill, lines);
        // A map of a large file would otherwise stay in our memory; a failure to trim it is ignored.
        let _ = file.trim_map(task.range.clone());
        done?;
        let path = || input.path.clone();
        return ended.map_or(Ok(()), |at| Err(Error::Truncated { path: path(), at }));
    }
    read_stream(blocks, input, beside, lines)
}

/// Reads the lines of a stream from its start to its end.
fn read_stream(
    blocks: &mut Blocks,
    input: &Input,
    beside: bool,
    lines: &mut impl BlockSink,
) -> Result<()> {
    let mut stream = input.stream()?;
    if beside && input.kind.is_compressed() {
        stream = decode::beside(stream);
    }
    let mut failed = None;
    let fill = |_, buf: &mut [u8]| loop {
        match stream.read(buf) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            // What came before is kept, also the start of a line that was cut off.
            Err(e) => {
                failed = Some(e);
                return Ok(0);
            }
            Ok(n) => return Ok(n),
        }
    };
    blocks.read(0..u64::MAX, fill, lines)?;
    failed.map_or(Ok(()), |e| Err(input.failed(e)))
}

/// Passes blocks to a worker, and hands over what it made when it is full.
struct Lines<'a, 'b, W: Worker, E> {
    shared: &'a Shared<'b, W::Out, E>,
    worker: &'a mut W,
    index: usize,
    input: usize,
}

impl<W: Worker, E: FnMut(usize, W::Out) -> ControlFlow<()> + Send> BlockSink
    for Lines<'_, '_, W, E>
{
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        if self.shared.stop.is_stopped() {
            return ControlFlow::Break(());
        }
        self.shared.stop.bytes.fetch_add(block.bytes.len() as u64, Ordering::Relaxed);
        let flow = self.worker.block(block);
        if self.worker.is_full() {
            let out = self.worker.take(false);
            self.shared.submit(self.index, self.input, out, false);
        }
        flow
    }

    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) -> ControlFlow<()> {
        self.shared.stop.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.worker.long_line(offset, bytes, start);
        ControlFlow::Continue(())
    }

    fn gives_up(&self) -> bool {
        self.shared.stop.is_stopped()
    }

    fn joins_lines(&self) -> bool {
        self.worker.joins_lines()
    }

    fn begins_record(&mut self, line: &[u8]) -> bool {
        self.worker.begins_record(line)
    }

    fn left_out(&mut self, lines: u64, bytes: u64) {
        self.shared.stop.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.worker.left_out(lines, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(all: &[(usize, u64, Error)]) -> Vec<String> {
        let mut order = Order {
            head: 0,
            waiting: BTreeMap::<_, (usize, ())>::new(),
            emit: (),
            failures: vec![],
        };
        for (input, start, error) in all {
            let error = match error {
                Error::Truncated { path, at } => Error::Truncated { path: path.clone(), at: *at },
                other => Error::Request(other.to_string()),
            };
            order.fail(&Task { input: *input, range: *start..*start + 10 }, error);
        }
        let all = order.failures.into_iter().map(Failed::into_error);
        all.map(|(input, error)| format!("{input}: {error}")).collect()
    }

    #[test]
    fn a_device_that_fails_for_each_piece_is_reported_once() {
        let at = |input, start| (input, start, Error::request(format!("EIO at {start}")));
        assert_eq!(failures(&[at(0, 10)]), ["0: EIO at 10"]);
        let both = failures(&[at(1, 30), at(1, 10), at(0, 5), at(1, 20), at(1, 0), at(1, 40)]);
        assert_eq!(both.len(), 2);
        assert_eq!(
            both[0],
            "1: EIO at 0; 5 pieces of it between bytes 0 and 50 could not be read, and their lines are missing"
        );
        assert_eq!(both[1], "0: EIO at 5");
    }

    #[test]
    fn of_a_truncation_the_earliest_place_counts() {
        let at = |at: u64| (0, at, Error::Truncated { path: "log".into(), at });
        let said = failures(&[at(30), at(10), at(20)]);
        assert!(said.len() == 1 && said[0].contains("ends at byte 10"), "{said:?}");
    }
}
