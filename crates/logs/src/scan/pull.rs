//! A pass whose caller brings the threads and takes the pieces: for an engine that asks for rows
//! when it has room for them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::worker::{Held, Scanner};
use super::{Log, Part, Request, Sink, tasks};
use crate::Result;
use crate::split::{Block, BlockSink, Blocks, InputKind, Task, Worker, read_task};

/// The pieces of a pass; each caller takes the next one.
#[derive(Debug)]
pub struct Pieces {
    tasks: Vec<Task>,
    next: AtomicUsize,
}

impl Pieces {
    /// The pieces of `logs` that `request` asks for, in their order.
    #[must_use]
    pub fn new(logs: &[Log], request: &Request) -> Self {
        Self { tasks: tasks::tasks(logs, request), next: AtomicUsize::new(0) }
    }

    /// The next piece, with its index.
    pub fn take(&self) -> Option<(usize, &Task)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.tasks.get(index).map(|task| (index, task))
    }

    /// All of them.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }
}

/// One thread's side of such a pass.
pub struct Pull<S: Sink> {
    scanner: Scanner<'static, S>,
    blocks: Blocks,
    logs: Arc<Vec<Log>>,
    beside: bool,
}

impl<S: Sink> std::fmt::Debug for Pull<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pull({} logs)", self.logs.len())
    }
}

impl<S: Sink> Pull<S> {
    /// Hands the records of `logs` that `request` lets through to `sink`.
    #[must_use]
    pub fn new(logs: Arc<Vec<Log>>, request: Arc<Request>, sink: S) -> Self {
        let blocks = Blocks::new(request.limits);
        let beside = request.decodes_beside;
        let scanner = Scanner::held(Held::Shared(Arc::clone(&logs)), Held::Shared(request), sink);
        Self { scanner, blocks, logs, beside }
    }

    /// Whether a piece is a whole log that can only be read from its start to its end.
    #[must_use]
    pub fn is_stream(&self, task: &Task) -> bool {
        self.logs.get(task.input).is_some_and(|log| log.input.kind != InputKind::Plain)
    }

    /// Reads a piece. `each` gets what was found whenever the sink is full, and at the end; it
    /// breaks to give the rest of the piece up.
    ///
    /// # Errors
    /// When the piece cannot be read; what was found before was handed over.
    pub fn piece(
        &mut self,
        task: &Task,
        mut each: impl FnMut(&mut S, Part<S::Out>) -> ControlFlow<()>,
    ) -> Result<()> {
        let Some(log) = self.logs.get(task.input) else { return Ok(()) };
        self.scanner.begin(task);
        let mut lines = Handing { scanner: &mut self.scanner, each: &mut each };
        let result = read_task(&mut self.blocks, &log.input, task, self.beside, &mut lines);
        let part = self.scanner.take(true);
        let _ = each(self.scanner.sink(), part);
        result
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut S {
        self.scanner.sink()
    }
}

/// Passes blocks on, and hands over what was made of them when the sink is full.
struct Handing<'a, S: Sink, E> {
    scanner: &'a mut Scanner<'static, S>,
    each: &'a mut E,
}

impl<S: Sink, E: FnMut(&mut S, Part<S::Out>) -> ControlFlow<()>> Handing<'_, S, E> {
    fn hand_over(&mut self) -> ControlFlow<()> {
        if !self.scanner.is_full() {
            return ControlFlow::Continue(());
        }
        let part = self.scanner.take(false);
        (self.each)(self.scanner.sink(), part)
    }
}

impl<S: Sink, E: FnMut(&mut S, Part<S::Out>) -> ControlFlow<()>> BlockSink for Handing<'_, S, E> {
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        self.scanner.block(block)?;
        self.hand_over()
    }

    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) -> ControlFlow<()> {
        self.scanner.long_line(offset, bytes, start);
        self.hand_over()
    }
}
