//! Counts over raw bytes: nothing is parsed.

use std::ops::ControlFlow;

use super::literals::Searcher;
use super::{Log, Request, tasks};
use crate::Error;
use crate::split::{self, Block, Stop, Task, Worker, lines_in};

/// What was counted in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Bytes of lines, decompressed.
    pub bytes: u64,
    /// Lines, also a last one without a line feed. Not counted where literals are.
    pub lines: u64,
    /// Lines with one of the literals in them.
    pub matched: u64,
    /// Lines that are longer than the longest, in which no literal was looked for.
    pub too_long: u64,
}

/// Counts the lines of each log.
pub fn count_lines(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
) -> (Vec<Counted>, Vec<(usize, Error)>) {
    count(logs, request, stop, &[])
}

/// Counts the lines of each log that contain one of `literals`, as their bytes stand; where there
/// are no literals, no line does. None of them should be empty or have a line feed in it.
pub fn count_literals(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
    literals: &[&[u8]],
) -> (Vec<Counted>, Vec<(usize, Error)>) {
    count(logs, request, stop, literals)
}

fn count(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
    literals: &[&[u8]],
) -> (Vec<Counted>, Vec<(usize, Error)>) {
    let tasks = tasks::tasks(logs, request);
    let worker = || Counter {
        searcher: Searcher::new(literals).filter(|_| !literals.is_empty()),
        counted: Counted::default(),
    };
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let mut totals = vec![Counted::default(); logs.len()];
    let add = |log: usize, part: Counted| {
        totals[log].bytes += part.bytes;
        totals[log].lines += part.lines;
        totals[log].matched += part.matched;
        totals[log].too_long += part.too_long;
        ControlFlow::Continue(())
    };
    let workers = (0..request.threads).map(|_| worker()).collect();
    let (_, failures) = split::run_workers(&inputs, &tasks, request.limits, stop, workers, add);
    (totals, failures)
}

/// Counts lines, or the lines with a literal in them.
#[derive(Default)]
pub(super) struct Counter {
    searcher: Option<Searcher>,
    counted: Counted,
}

/// How many lines of `bytes` contain what `searcher` finds.
fn lines_with(searcher: &Searcher, bytes: &[u8]) -> u64 {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = searcher.find(bytes, at) {
        count += 1;
        match memchr::memchr(b'\n', &bytes[found..]) {
            Some(feed) => at = found + feed + 1,
            None => break,
        }
    }
    count
}

impl Worker for Counter {
    type Out = Counted;

    fn begin(&mut self, _: &Task) {}

    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        let bytes = block.bytes;
        self.counted.bytes += bytes.len() as u64;
        match &self.searcher {
            Some(searcher) => self.counted.matched += lines_with(searcher, bytes),
            None => self.counted.lines += lines_in(bytes),
        }
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, _: u64, bytes: u64, _: &[u8]) {
        self.counted.bytes += bytes + 1;
        self.counted.lines += 1;
        self.counted.too_long += 1;
    }

    fn is_full(&self) -> bool {
        false
    }

    fn take(&mut self, _: bool) -> Counted {
        std::mem::take(&mut self.counted)
    }
}
