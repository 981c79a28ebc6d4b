//! How many lines are before each piece: what numbers of lines cost.

use std::ops::ControlFlow;

use cutwater_logs::scan::{Log, Pieces, Request};
use cutwater_logs::split::{self, Block, Stop, Task, Worker};

/// Counts line feeds.
#[derive(Default)]
struct Counter(u64);

impl Worker for Counter {
    type Out = u64;

    fn begin(&mut self, _: &Task) {}

    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        let bytes = block.bytes;
        self.0 += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.0 += u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, _: u64, _: u64, _: &[u8]) {
        self.0 += 1;
    }

    fn is_full(&self) -> bool {
        false
    }

    fn take(&mut self, _: bool) -> u64 {
        std::mem::take(&mut self.0)
    }
}

/// For each piece, the lines of its log before it, found by a pass of its own that only counts
/// line feeds.
///
/// # Errors
/// When a log cannot be read.
pub(crate) fn lines_before(
    logs: &[Log],
    request: &Request,
    pieces: &Pieces,
) -> cutwater_logs::Result<Vec<u64>> {
    // What comes before the first piece of a log is counted too; only streams have no such part.
    let mut tasks = Vec::new();
    let mut counted = Vec::with_capacity(pieces.tasks().len());
    for (at, task) in pieces.tasks().iter().enumerate() {
        let first = at == 0 || pieces.tasks()[at - 1].input != task.input;
        let plain = logs.get(task.input).is_some_and(|log| log.input.plain().is_some());
        if first && plain && task.range.start > 0 {
            tasks.push(Task { input: task.input, range: 0..task.range.start });
        }
        counted.push((tasks.len(), plain));
        if plain {
            tasks.push(task.clone());
        }
    }
    let mut sums = vec![0; tasks.len() + 1];
    let mut at = 0;
    let each = |_: usize, lines: u64| {
        let before = if at > 0 && tasks[at - 1].input == tasks[at].input { sums[at] } else { 0 };
        sums[at] = before;
        sums[at + 1] = before + lines;
        at += 1;
        ControlFlow::Continue(())
    };
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let workers = (0..request.threads).map(|_| Counter::default()).collect();
    let (_, mut failures) =
        split::run(&inputs, &tasks, request.limits, &Stop::default(), workers, each);
    if let Some((_, error)) = failures.pop() {
        return Err(error);
    }
    let before = |(task, plain): (usize, bool)| {
        let first = task == 0 || tasks.get(task).is_none_or(|t| tasks[task - 1].input != t.input);
        if plain && !first { sums[task] } else { 0 }
    };
    Ok(counted.into_iter().map(before).collect())
}
