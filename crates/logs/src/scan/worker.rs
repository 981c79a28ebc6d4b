//! One thread's part of a pass.

mod current;
mod rewritten;

use std::ops::{ControlFlow, Deref, Range};
use std::sync::Arc;

use super::prefilter::Prefilter;
use super::{BadRow, Log, Part, Request, Row, Sink, Tally};
use crate::bad::{BadLine, Reason, excerpt};
use crate::filter::LINE;
use crate::format::{Begin, Format, feed, is_blank};
use crate::json::Fault;
use crate::record::{Fields, Record, mark_length};
use crate::split::{Block, ReadAt, Task, Worker, lines_in};
use crate::time::{Clock, Nanos};

use current::{Current, Extent, Time, beside_time};

/// This many located bad lines are handed over before a piece ends.
const BAD_HELD_MAX: usize = 4096;

/// A value that is lent for a pass, or shared with a pass that outlives its caller.
pub(super) enum Held<L, S> {
    Lent(L),
    Shared(Arc<S>),
}

type Logs<'a> = Held<&'a [Log], Vec<Log>>;

impl Deref for Logs<'_> {
    type Target = [Log];

    fn deref(&self) -> &[Log] {
        match self {
            Self::Lent(logs) => logs,
            Self::Shared(logs) => logs,
        }
    }
}

type Asked<'a> = Held<&'a Request, Request>;

impl Deref for Asked<'_> {
    type Target = Request;

    fn deref(&self) -> &Request {
        match self {
            Self::Lent(request) => request,
            Self::Shared(request) => request,
        }
    }
}

pub(super) struct Scanner<'a, S: Sink> {
    logs: Logs<'a>,
    request: Asked<'a>,
    sink: S,
    record: Record,
    current: Option<Current>,
    tally: Tally,
    bad_lines: Vec<BadLine>,
    /// Whether lines come as they are written to a log, and not piece by piece.
    pub(super) follows: bool,
}

impl<'a, S: Sink> Scanner<'a, S> {
    pub(super) fn new(logs: &'a [Log], request: &'a Request, sink: S) -> Self {
        Self::held(Held::Lent(logs), Held::Lent(request), sink)
    }

    pub(super) fn held(logs: Logs<'a>, request: Asked<'a>, sink: S) -> Self {
        Self {
            logs,
            request,
            sink,
            record: Record::default(),
            current: None,
            tally: Tally::default(),
            bad_lines: Vec::new(),
            follows: false,
        }
    }

    pub(super) fn into_sink(self) -> S {
        self.sink
    }

    pub(super) fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    fn open(&mut self, index: usize) -> Current {
        let log = &self.logs[index];
        let with_time = self.request.with_time || self.request.filter.needs_time();
        let time_name = log.time.as_deref().filter(|_| with_time);
        let beside_name = time_name.and_then(beside_time);
        let names = self.sink.fields();
        let nothing_of_them = names.as_ref().is_some_and(Vec::is_empty) && !with_time;
        let rewriter = log.definition.rewriter(self.request.limits.line_bytes_max);
        let whole_lines = nothing_of_them
            && rewriter.is_none()
            && log.definition.format() != Format::Csv
            && !self.request.records_only
            && self.request.filter.asks_for_lines();
        let mut fields = match names {
            None => Fields::all(),
            Some(names) => {
                let wanted = names.iter().map(String::as_str).chain(self.request.filter.fields());
                let wanted = wanted.filter(|name| *name != LINE).chain(time_name);
                let wanted = wanted.chain(beside_name.as_deref());
                let wanted = wanted.chain(self.request.watched.iter().map(String::as_str));
                Fields::only(&wanted.collect::<Vec<_>>())
            }
        };
        fields.dotted = self.request.dotted;
        // Where fields are open, a format's own come first, in its order.
        let parser = log.definition.parser(&mut fields, &log.rules);
        let filter = self.request.filter.bind(&mut fields);
        let time = time_name.and_then(|name| fields.add(name));
        let beside = beside_name.and_then(|name| fields.add(&name));
        let watched = self.request.watched.iter().take(Request::WATCHED_MAX).enumerate();
        let unseen =
            watched.filter_map(|(bit, name)| Some((1 << bit, fields.add(name)?))).collect();
        self.sink.begin(index, &mut fields);
        let prefilter = self.prefilter(log);
        let clock = Clock::new(log.rules.clone());
        let time_clock = clock.clone();
        // Names added since then belong to the parser, too.
        let parser =
            if fields.open { log.definition.parser(&mut fields, &log.rules) } else { parser };
        let begin = Begin::new(&log.definition, &log.rules);
        Current {
            log: index,
            parser,
            fields,
            filter,
            prefilter,
            time_clock,
            beside,
            clock,
            time,
            whole_lines,
            rewriter,
            at_end: false,
            begin,
            begun: false,
            unseen,
        }
    }

    /// Finds the lines that may pass, where not all have to be looked at.
    fn prefilter(&self, log: &Log) -> Option<Prefilter> {
        let needs_all = log.definition.needs_all_lines(self.request.filter.fields());
        if self.request.examine_all || needs_all {
            return None;
        }
        let literals = self.request.filter.literals()?;
        Prefilter::new(&literals.texts, !literals.raw)
    }

    /// Goes over the lines of a block, from one that may pass to the next.
    fn lines(&mut self, current: &mut Current, block: Block<'_>) {
        let bytes = block.bytes;
        if let Some(prefilter) = &mut current.prefilter {
            prefilter.begin_block(bytes);
        }
        let mut at = if block.offset == 0 { mark_length(bytes) } else { 0 };
        let marked = at > 0;
        if at == bytes.len() {
            // Nothing but the mark: a blank line.
            self.tally.lines += u64::from(marked);
            self.tally.blank += u64::from(marked);
        }
        let mut indexed = current.whole_lines && !self.request.examine_all;
        while at < bytes.len() {
            at = self.skip(current, bytes, at);
            if at == bytes.len() {
                break;
            }
            if !indexed {
                current.parser.begin_block(bytes);
                indexed = true;
            }
            self.tally.lines += 1;
            let (extent, outcome) = self.line(current, block, at);
            if let Err(fault) = outcome {
                self.bad(current, fault, block, at, extent.kept);
            }
            if extent.has_more {
                self.count_more(&bytes[at..extent.end], extent.kept - at);
            }
            at = extent.end + 1;
        }
    }

    /// Counts the lines that continue a record, whose first `kept` bytes are kept.
    fn count_more(&mut self, record: &[u8], kept: usize) {
        let more = lines_in(record).saturating_sub(1);
        self.tally.lines += more;
        self.tally.continued += more;
        self.tally.left_out += more - lines_in(&record[..kept]).saturating_sub(1);
    }

    /// Skips the records that cannot pass, from the one that begins at `at`.
    fn skip(&mut self, c: &mut Current, bytes: &[u8], at: usize) -> usize {
        let Some(prefilter) = &mut c.prefilter else { return at };
        let line = prefilter.next(bytes, at).unwrap_or(bytes.len());
        let next = if c.begin.joins() && line < bytes.len() {
            c.begin.record_start(bytes, at, line, c.begun)
        } else {
            line
        };
        let skipped = lines_in(&bytes[at..next]);
        self.tally.lines += skipped;
        self.tally.skipped += skipped;
        next
    }

    /// The record that begins at `start`: its lines, and what is wrong with it.
    #[inline]
    fn line(
        &mut self,
        c: &mut Current,
        whole: Block<'_>,
        start: usize,
    ) -> (Extent, Result<(), Fault>) {
        if c.whole_lines {
            return self.whole_line(c, whole, start);
        }
        self.record.clear();
        let block = whole.bytes;
        let (extent, parsed) = if c.begin.is_loose() {
            let first = feed(block, start);
            let extent = c.extent(block, start, first);
            let lines = (start, first.min(extent.kept), extent.kept);
            let Current { parser, fields, .. } = c;
            let parsed = parser.parse_lines(block, lines, fields, &mut self.record);
            (extent, parsed)
        } else {
            let (end, parsed) = c.parser.parse(block, start, &mut c.fields, &mut self.record);
            let mut extent = c.extent(block, start, end);
            extent.has_more |= c.begin.has_quoted_lines();
            (extent, parsed)
        };
        let outcome = match parsed {
            Ok(true) => {
                self.record(c, whole, start, extent.kept);
                Ok(())
            }
            Ok(false) => {
                self.tally.blank += 1;
                Ok(())
            }
            Err(fault) => Err(fault),
        };
        (extent, outcome)
    }

    /// The record that begins at `start`, handed over where its lines pass as they stand.
    fn whole_line(
        &mut self,
        c: &mut Current,
        whole: Block<'_>,
        start: usize,
    ) -> (Extent, Result<(), Fault>) {
        let block = whole.bytes;
        self.record.clear();
        let end = feed(block, start);
        let extent = c.extent(block, start, end);
        let parsed = if self.request.examine_all {
            let lines = (start, end.min(extent.kept), extent.kept);
            let Current { parser, fields, .. } = c;
            parser.parse_lines(block, lines, fields, &mut self.record)
        } else {
            Ok(!is_blank(&block[start..end]))
        };
        if parsed == Ok(false) {
            self.tally.blank += 1;
        } else {
            self.tally.records += u64::from(parsed.is_ok());
            self.hand_over(c, whole, start..extent.kept, None);
        }
        (extent, parsed.map(|_| ()))
    }

    /// Takes the record of `whole[start..end]`.
    #[inline]
    fn record(&mut self, c: &mut Current, whole: Block<'_>, start: usize, end: usize) {
        let time = self.time(c, whole.bytes);
        self.tally.records += 1;
        if !c.unseen.is_empty() {
            self.tally.seen |= c.see(&self.record);
        }
        self.hand_over(c, whole, start..end, time);
    }

    /// The time of the record, whose spans are in `block`.
    #[inline]
    fn time(&mut self, c: &mut Current, block: &[u8]) -> Option<Nanos> {
        match c.time_of(block, &self.record) {
            Time::At(time) => Some(time),
            Time::Absent => {
                self.tally.untimed += u64::from(self.request.filter.needs_time());
                None
            }
            Time::Unreadable => {
                self.tally.untimed += 1;
                None
            }
        }
    }

    /// Hands a record over, where it passes.
    #[inline]
    fn hand_over(
        &mut self,
        c: &mut Current,
        whole: Block<'_>,
        range: Range<usize>,
        time: Option<Nanos>,
    ) {
        let block = whole.bytes;
        let (start, line) = (range.start, &block[range]);
        if !c.filter.passes(block, line, &self.record, time, &mut c.clock) {
            return;
        }
        self.tally.matched += 1;
        let (offset, number) = (whole.offset + start as u64, self.tally.lines);
        let (fields, record) = (&c.fields, &self.record);
        let row = Row { log: c.log, offset, number, block, line, fields, record, time };
        self.sink.row(&row, &mut c.clock);
    }

    #[cold]
    fn bad(&mut self, c: &mut Current, fault: Fault, block: Block<'_>, start: usize, end: usize) {
        self.tally.bad.add(fault.reason);
        let (offset, line) = (block.offset + start as u64, &block.bytes[start..end]);
        hand_over_bad(&mut self.sink, c, fault.reason, self.tally.lines, offset, line);
        if self.request.locate_all || self.bad_lines.len() < Request::BAD_KEPT {
            self.bad_lines.push(BadLine {
                line: self.tally.lines,
                offset,
                column: (fault.at - start) as u32,
                reason: fault.reason,
                excerpt: excerpt(line),
            });
        }
    }
}

/// Hands over a line that is not a record, if it passes.
fn hand_over_bad<S: Sink>(
    sink: &mut S,
    current: &mut Current,
    reason: Reason,
    number: u64,
    offset: u64,
    line: &[u8],
) {
    if current.filter.passes_bad(line, reason.name(), &mut current.clock) {
        sink.bad(&BadRow { log: current.log, offset, number, reason, line });
    }
}

impl<S: Sink> Worker for Scanner<'_, S> {
    type Out = Part<S::Out>;

    fn begin(&mut self, task: &Task) {
        if self.current.as_ref().is_none_or(|c| c.log != task.input) {
            self.current = Some(self.open(task.input));
        }
        if let Some(current) = &mut self.current {
            current.begun = task.range.start > 0;
        }
        self.begin_rewriting(task);
        let log = &self.logs[task.input];
        if let (Some(current), Some(file)) = (&mut self.current, log.input.plain()) {
            // What cannot be read here fails again when the piece is read.
            let read = |buf: &mut [u8], at: u64| ReadAt::read_at(file, buf, at).unwrap_or(0);
            current.parser.begin_piece(task.range.start, &read, &mut current.fields);
        }
    }

    fn joins_lines(&self) -> bool {
        self.current.as_ref().is_some_and(|c| c.begin.joins())
    }

    fn begins_record(&mut self, line: &[u8]) -> bool {
        let line = &line[mark_length(line)..];
        self.current.as_mut().is_none_or(|c| match &mut c.rewriter {
            Some(rewriter) => c.begin.begins(&rewriter.copy_of(line)),
            None => c.begin.begins(line),
        })
    }

    fn left_out(&mut self, lines: u64, bytes: u64) {
        self.tally.bytes += bytes;
        self.tally.lines += lines;
        self.tally.continued += lines;
        self.tally.left_out += lines;
    }

    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        self.tally.bytes += block.bytes.len() as u64;
        if let Some(mut current) = self.current.take() {
            if current.rewriter.is_some() {
                self.rewritten(&mut current, block);
            } else {
                self.lines(&mut current, block);
            }
            self.current = Some(current);
        }
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) {
        self.tally.bytes += bytes;
        self.tally.lines += 1;
        self.tally.bad.add(Reason::TooLong);
        let (line, column, reason) = (self.tally.lines, 0, Reason::TooLong);
        if let Some(current) = &mut self.current {
            current.begun = current.begun || current.begin.begins(start);
            hand_over_bad(&mut self.sink, current, reason, line, offset, start);
        }
        self.bad_lines.push(BadLine { line, offset, column, reason, excerpt: excerpt(start) });
    }

    fn is_full(&self) -> bool {
        self.sink.is_full() || self.bad_lines.len() >= BAD_HELD_MAX
    }

    fn take(&mut self, last: bool) -> Part<S::Out> {
        if last {
            self.finish_rewriting();
        }
        if let Some(current) = &mut self.current {
            current.filter.take_misfits(&mut self.tally.misfits);
            let of_values = current.clock.take_unknown_zones();
            let of_times = current.time_clock.take_unknown_zones();
            let unknown = if current.time.is_some() { of_times } else { of_values };
            self.tally.unknown_zones.merge(&unknown);
        }
        Part {
            tally: std::mem::take(&mut self.tally),
            bad_lines: std::mem::take(&mut self.bad_lines),
            out: self.sink.take(),
        }
    }
}
