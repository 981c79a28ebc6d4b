//! A pass over logs: lines to records, records to a [`Sink`], bad lines to their counts.

mod feed;
mod lines_before;
mod literals;
mod merge;
mod open;
mod prefilter;
mod pull;
mod raw;
mod sampled;
mod sinks;
mod tasks;
mod worker;

pub use feed::Feed;
pub use lines_before::lines_before;
pub use merge::{LOGS_MAX as MERGED_LOGS_MAX, merge};
pub use open::{Log, open};
pub use pull::{Pieces, Pull};
pub use raw::{Counted, count_lines, count_literals};
pub use sinks::{Acc, Counting, Grouping, Key, Lines, Measure, Measured, Profiling, Rows, Zoned};

use std::ops::{ControlFlow, Range};

use crate::Error;
use crate::bad::{BadCounts, BadLine, Reason};
use crate::filter::Filter;
use crate::misfits::Misfits;
use crate::record::{Fields, Record};
use crate::split::{self, Limits, Stop};
use crate::time::{Clock, Nanos, UnknownZones};

use worker::Scanner;

/// How to pass over logs.
#[derive(Debug, Clone)]
pub struct Request {
    /// Threads; at least 1.
    pub threads: usize,
    /// Bounds of splitting.
    pub limits: Limits,
    /// Which lines the sink gets.
    pub filter: Filter,
    /// Whether only records pass. Otherwise, where the filter asks for whole lines only and the sink
    /// for no field, lines that are not records pass too, and lines are not parsed unless all are
    /// examined.
    pub records_only: bool,
    /// Whether lines that cannot pass the filter are parsed all the same, so that every bad
    /// line among them is found; otherwise only lines that may pass are looked at.
    pub examine_all: bool,
    /// Whether every bad line is located, or the first [`Request::BAD_KEPT`] of each piece.
    pub locate_all: bool,
    /// Whether records carry their time.
    pub with_time: bool,
    /// Whether names of fields also mean keys with dots in them ([`Fields::dotted`]).
    pub dotted: bool,
    /// Whether a [`Pull`] decodes compressed logs on a thread of their own, beside its caller's; see
    /// [`split::decodes_beside`].
    pub decodes_beside: bool,
    /// The bytes of each log to look at; all of it where there is no entry.
    pub ranges: Vec<Option<Range<u64>>>,
    /// Fields that are looked for in every record that is parsed ([`Tally::seen`]): the first
    /// [`Request::WATCHED_MAX`] of them.
    pub watched: Vec<String>,
}

impl Request {
    /// Bad lines located per piece where not all are asked for.
    pub const BAD_KEPT: usize = 100;

    /// The most fields that are looked for.
    pub const WATCHED_MAX: usize = u64::BITS as usize;

    /// A pass over everything with `threads` threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            limits: Limits::default(),
            filter: Filter::default(),
            records_only: false,
            examine_all: true,
            locate_all: false,
            with_time: false,
            dotted: false,
            decodes_beside: false,
            ranges: Vec::new(),
            watched: Vec::new(),
        }
    }
}

/// A line that is not a record.
#[derive(Debug)]
pub struct BadRow<'a> {
    /// Index of the log.
    pub log: usize,
    /// Offset in the log of its first byte.
    pub offset: u64,
    /// Its number, counted from 1 since [`Sink::take`] was last called.
    pub number: u64,
    /// Why it is not a record.
    pub reason: Reason,
    /// The line without its line feed, or the beginning of one that is too long.
    pub line: &'a [u8],
}

/// A record that passed the filter.
#[derive(Debug)]
pub struct Row<'a> {
    /// Index of the log.
    pub log: usize,
    /// Offset in the log of the record's first byte.
    pub offset: u64,
    /// The number of its first line, counted from 1 since [`Sink::take`] was last called.
    pub number: u64,
    /// The bytes that the spans point into.
    pub block: &'a [u8],
    /// The record's lines, without the last line feed.
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
    /// What it makes of each piece; handed over in the order of the log.
    type Out: Send + Default;

    /// The fields that it wants; `None` for all of them.
    fn fields(&self) -> Option<Vec<String>>;

    /// The records of another log follow.
    fn begin(&mut self, log: usize, fields: &mut Fields);

    /// A record.
    fn row(&mut self, row: &Row<'_>, clock: &mut Clock);

    /// A line that is not a record, and passes the filter.
    fn bad(&mut self, _: &BadRow<'_>) {}

    /// Whether it holds enough to be handed over.
    fn is_full(&self) -> bool {
        false
    }

    /// Hands over what was made since the last call.
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
    /// Records; each has a first line.
    pub records: u64,
    /// Lines that continue a record, or a bad line.
    pub continued: u64,
    /// Of these, the lines that are left out, as their record is longer than
    /// [`RECORD_BYTES_MAX`](crate::split::RECORD_BYTES_MAX) or
    /// [`RECORD_LINES_MAX`](crate::split::RECORD_LINES_MAX).
    pub left_out: u64,
    /// Lines with nothing in them.
    pub blank: u64,
    /// Records that passed the filter.
    pub matched: u64,
    /// Records whose time field has a value that is not a time; counted if records carry their
    /// time.
    pub untimed: u64,
    /// Names of zones after times that were not known; those times were read in the log's zone.
    pub unknown_zones: UnknownZones,
    /// Lines that were skipped because they could not pass the filter.
    pub skipped: u64,
    /// Bad lines by reason.
    pub bad: BadCounts,
    /// Values that kept their records out, as a condition could not test them.
    pub misfits: Misfits,
    /// Which of [`Request::watched`] some record has: bit 0 for the first.
    pub seen: u64,
}

impl Tally {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.lines += other.lines;
        self.records += other.records;
        self.continued += other.continued;
        self.left_out += other.left_out;
        self.blank += other.blank;
        self.matched += other.matched;
        self.untimed += other.untimed;
        self.unknown_zones.merge(&other.unknown_zones);
        self.skipped += other.skipped;
        self.bad.merge(&other.bad);
        self.misfits.merge(&other.misfits);
        self.seen |= other.seen;
    }
}

/// What was made of a part of a log.
#[derive(Debug, Default)]
pub struct Part<O> {
    /// Its counts.
    pub tally: Tally,
    /// Its bad lines, numbered from the start of the log (or of the range looked at).
    pub bad_lines: Vec<BadLine>,
    /// What the sink made of it.
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
    let tasks = tasks::tasks(logs, request);
    let workers = (0..request.threads).map(|_| Scanner::new(logs, request, sink())).collect();
    let mut tallies = vec![Tally::default(); logs.len()];
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let each = |log: usize, mut part: Part<S::Out>| {
        let before = tallies[log].lines;
        part.bad_lines.iter_mut().for_each(|bad| bad.line += before);
        tallies[log].merge(&part.tally);
        emit(log, &mut part)
    };
    let (workers, failures) =
        split::run_workers(&inputs, &tasks, request.limits, stop, workers, each);
    Finished { sinks: workers.into_iter().map(Scanner::into_sink).collect(), tallies, failures }
}
