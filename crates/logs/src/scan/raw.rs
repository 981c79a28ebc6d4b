//! Counts over raw bytes: nothing is parsed.

use std::ops::ControlFlow;

use super::literals::Searcher;
use super::{Log, Request, tasks};
use crate::Error;
use crate::format::{Begin, feed};
use crate::split::{self, Block, Stop, Task, Worker, lines_in};

/// What was counted in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Bytes of lines, decompressed.
    pub bytes: u64,
    /// Lines, also a last one without a line feed. Not counted where literals are.
    pub lines: u64,
    /// Records with one of the literals in them, and lines that are no records.
    pub matched: u64,
}

/// Counts the lines of each log.
pub fn count_lines(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
) -> (Vec<Counted>, Vec<(usize, Error)>) {
    count(logs, request, stop, &[])
}

/// Counts the records of each log that contain one of `literals`, as their bytes stand; where there
/// are no literals, no record does. None of them should be empty or have a line feed in it.
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
        begins: logs.iter().map(|log| Begin::new(&log.definition, &log.rules)).collect(),
        ..Counter::default()
    };
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let mut totals = vec![Counted::default(); logs.len()];
    let add = |log: usize, part: Counted| {
        totals[log].bytes += part.bytes;
        totals[log].lines += part.lines;
        totals[log].matched += part.matched;
        ControlFlow::Continue(())
    };
    let workers = (0..request.threads).map(|_| worker()).collect();
    let (_, failures) = split::run_workers(&inputs, &tasks, request.limits, stop, workers, add);
    (totals, failures)
}

/// Counts lines, or the records with a literal in them.
#[derive(Default)]
pub(super) struct Counter {
    searcher: Option<Searcher>,
    /// By log; none where only lines are counted.
    begins: Vec<Begin>,
    log: usize,
    begun: bool,
    counted: Counted,
}

impl Counter {
    /// How many records of `bytes` contain what is searched for.
    fn records_with(&mut self, bytes: &[u8]) -> u64 {
        let (Some(searcher), Some(begin)) = (&self.searcher, self.begins.get_mut(self.log)) else {
            return 0;
        };
        let (mut count, mut at) = (0, 0);
        while let Some(found) = searcher.find(bytes, at) {
            count += 1;
            let end = feed(bytes, found);
            if !begin.joins() {
                at = end + 1;
                continue;
            }
            let line = memchr::memrchr(b'\n', &bytes[at..found]).map_or(at, |n| at + n + 1);
            let start = begin.record_start(bytes, at, line, self.begun);
            let first = feed(bytes, start);
            self.begun = self.begun || begin.begins(&bytes[start..first]);
            at = 1 + if self.begun { begin.record_end(bytes, end) } else { end };
        }
        count
    }
}

impl Worker for Counter {
    type Out = Counted;

    fn begin(&mut self, task: &Task) {
        (self.log, self.begun) = (task.input, task.range.start > 0);
    }

    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        let bytes = block.bytes;
        self.counted.bytes += bytes.len() as u64;
        if self.searcher.is_some() {
            self.counted.matched += self.records_with(bytes);
        } else {
            self.counted.lines += lines_in(bytes);
        }
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, _: u64, bytes: u64, _: &[u8]) {
        self.counted.bytes += bytes + 1;
        self.counted.lines += 1;
    }

    fn joins_lines(&self) -> bool {
        self.searcher.is_some() && self.begins.get(self.log).is_some_and(Begin::joins)
    }

    fn begins_record(&mut self, line: &[u8]) -> bool {
        self.begins.get_mut(self.log).is_none_or(|begin| begin.begins(line))
    }

    fn left_out(&mut self, _: u64, bytes: u64) {
        self.counted.bytes += bytes;
    }

    fn is_full(&self) -> bool {
        false
    }

    fn take(&mut self, _: bool) -> Counted {
        std::mem::take(&mut self.counted)
    }
}
