//! A pass over logs: lines to records, records to a [`Sink`], bad lines to their counts.

mod feed;
mod literals;
mod merge;
mod plan;
mod prefilter;
mod pull;
mod raw;
mod sinks;
mod worker;

pub use feed::Feed;
pub use merge::{LOGS_MAX as MERGED_LOGS_MAX, merge};
pub use plan::{Log, open};
pub use pull::{Pieces, Pull};
pub use raw::{Counted, count_lines, count_literals};
pub use sinks::{Acc, Counting, Grouping, Key, Lines, Measure, Profiling, Rows};

use std::ops::{ControlFlow, Range};

use crate::Error;
use crate::bad::{BadCounts, BadLine, Reason};
use crate::filter::Filter;
use crate::record::{Fields, Record};
use crate::split::{self, Limits, Stop, Task};
use crate::time::{Clock, Nanos};

use worker::Scanner;

/// How to pass over logs.
#[derive(Debug, Clone)]
pub struct Request {
    /// Threads; at least 1.
    pub threads: usize,
    /// Bounds of splitting.
    pub limits: Limits,
    /// Which records the sink gets. Where it asks for whole lines only, and the sink for no field,
    /// lines that are no records pass too, and lines are not parsed unless all are examined.
    pub filter: Filter,
    /// Bytes without which a line is not wanted, beside the filter.
    pub needle: Option<Needle>,
    /// Whether lines that cannot pass the filter are parsed all the same, so that every bad
    /// line among them is found; otherwise only lines that may pass are looked at.
    pub examine_all: bool,
    /// Whether every bad line is located, or the first [`Request::BAD_KEPT`] of each piece.
    pub locate_all: bool,
    /// Whether records carry their time.
    pub with_time: bool,
    /// Whether names of fields also mean keys with dots in them ([`Fields::dotted`]).
    pub dotted: bool,
    /// The bytes of each log to look at; all of it where there is no entry.
    pub ranges: Vec<Option<Range<u64>>>,
}

impl Request {
    /// Bad lines located per piece where not all are asked for.
    pub const BAD_KEPT: usize = 100;

    /// A pass over everything with `threads` threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            limits: Limits::default(),
            filter: Filter::default(),
            needle: None,
            examine_all: true,
            locate_all: false,
            with_time: false,
            dotted: false,
            ranges: Vec::new(),
        }
    }
}

/// Bytes to find before a line is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether they are wanted as they stand; otherwise a line with a backslash is looked at
    /// too, since it may have them written with escapes.
    pub raw: bool,
}

/// A line that is no record.
#[derive(Debug)]
pub struct BadRow<'a> {
    /// Index of the log.
    pub log: usize,
    /// Offset in the log of its first byte.
    pub offset: u64,
    /// Its number, the first being 1, since the sink's yield was last taken.
    pub number: u64,
    /// Why it is none.
    pub reason: Reason,
    /// The line without its end; of one that is too long, its beginning.
    pub line: &'a [u8],
}

/// A record that passed the filter.
#[derive(Debug)]
pub struct Row<'a> {
    /// Index of the log.
    pub log: usize,
    /// Offset in the log of the line's first byte.
    pub offset: u64,
    /// The line's number, the first being 1, since the sink's yield was last taken.
    pub number: u64,
    /// The bytes that the spans point into.
    pub block: &'a [u8],
    /// The line, without its end.
    pub line: &'a [u8],
    /// The fields' names.
    pub fields: &'a Fields,
    /// The record.
    pub record: &'a Record,
    /// Its time, where asked for and there is one.
    pub time: Option<Nanos>,
}

/// Takes records; one per thread.
pub trait Sink: Send {
    /// What it yields piece by piece, in the order of the log.
    type Out: Send + Default;

    /// The fields that it wants; nothing for all of them.
    fn fields(&self) -> Option<Vec<String>>;

    /// The records of another log follow.
    fn begin(&mut self, log: usize, fields: &mut Fields);

    /// A record.
    fn row(&mut self, row: &Row<'_>, clock: &mut Clock);

    /// A line that is no record.
    fn bad(&mut self, _: &BadRow<'_>) {}

    /// Whether so much is held that it should be handed over.
    fn is_full(&self) -> bool {
        false
    }

    /// Gives away what was yielded since the last time.
    fn take(&mut self) -> Self::Out {
        Self::Out::default()
    }
}

/// What was found in a log, or in a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of lines, decompressed.
    pub bytes: u64,
    /// Lines, blank and bad ones among them.
    pub lines: u64,
    /// Lines that are records.
    pub records: u64,
    /// Records that passed the filter.
    pub matched: u64,
    /// Lines that were skipped because they could not pass the filter.
    pub skipped: u64,
    /// Bad lines by reason.
    pub bad: BadCounts,
}

impl Tally {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.lines += other.lines;
        self.records += other.records;
        self.matched += other.matched;
        self.skipped += other.skipped;
        self.bad.merge(&other.bad);
    }
}

/// What a part of a log yielded.
#[derive(Debug, Default)]
pub struct Part<O> {
    /// Its counts.
    pub tally: Tally,
    /// Its bad lines, numbered from the start of the log (or of the range looked at).
    pub bad_lines: Vec<BadLine>,
    /// What the sink yielded.
    pub out: O,
}

/// The end of a pass.
#[derive(Debug)]
pub struct Finished<S> {
    /// The sinks, one per thread.
    pub sinks: Vec<S>,
    /// Counts by log.
    pub tallies: Vec<Tally>,
    /// What could not be read, by log.
    pub failures: Vec<(usize, Error)>,
}

/// Passes over `logs` with one sink per thread; calls `emit` for each part in order.
pub fn scan<S: Sink>(
    logs: &[Log],
    request: &Request,
    stop: &Stop,
    mut sink: impl FnMut() -> S,
    mut emit: impl FnMut(usize, &mut Part<S::Out>) -> ControlFlow<()> + Send,
) -> Finished<S> {
    let tasks = plan::tasks(logs, request);
    let workers = (0..request.threads).map(|_| Scanner::new(logs, request, sink())).collect();
    let mut tallies = vec![Tally::default(); logs.len()];
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let each = |log: usize, mut part: Part<S::Out>| {
        let before = tallies[log].lines;
        part.bad_lines.iter_mut().for_each(|bad| bad.line += before);
        tallies[log].merge(&part.tally);
        emit(log, &mut part)
    };
    let (workers, failures) = split::run(&inputs, &tasks, request.limits, stop, workers, each);
    Finished { sinks: workers.into_iter().map(Scanner::into_sink).collect(), tallies, failures }
}

/// The pieces of `range`.
fn pieces(log: usize, range: Range<u64>, piece_bytes: u64, tasks: &mut Vec<Task>) {
    let mut start = range.start;
    while start < range.end {
        let end = (start + piece_bytes).min(range.end);
        tasks.push(Task { input: log, range: start..end });
        start = end;
    }
}
