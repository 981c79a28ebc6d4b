//! The log whose piece a thread reads.

use crate::filter::Bound;
use crate::format::{Begin, Parser, Rewriter, is_blank, kept_end};
use crate::record::{FieldId, Fields, Record};
use crate::scan::prefilter::Prefilter;
use crate::time::{Clock, Nanos, SECOND};

/// What belongs to the log whose piece is being read.
pub(super) struct Current {
    pub(super) log: usize,
    pub(super) parser: Parser,
    pub(super) fields: Fields,
    pub(super) filter: Bound,
    pub(super) prefilter: Option<Prefilter>,
    /// Reads only the times of records, so that each unknown zone is counted once.
    pub(super) time_clock: Clock,
    /// The field that has the rest of the time: see [`beside_time`].
    pub(super) beside: Option<FieldId>,
    /// Reads other values.
    pub(super) clock: Clock,
    pub(super) time: Option<FieldId>,
    /// Whether lines are wanted as they stand, and need not be records.
    pub(super) whole_lines: bool,
    pub(super) rewriter: Option<Rewriter>,
    /// Whether the piece is the last one of its log.
    pub(super) at_end: bool,
    pub(super) begin: Begin,
    /// Whether a record has begun in this log; the lines before are records by themselves.
    pub(super) begun: bool,
    /// The bits of watched fields that no record had so far.
    pub(super) unseen: Vec<(u64, FieldId)>,
}

impl Current {
    /// The bits of the watched fields that `record` is the first to have.
    #[cold]
    pub(super) fn see(&mut self, record: &Record) -> u64 {
        let mut seen = 0;
        self.unseen.retain(|&(bit, id)| {
            let is_here = record.get(id).is_present();
            seen |= if is_here { bit } else { 0 };
            !is_here
        });
        seen
    }
}

/// What a record's lines are, in a block.
pub(super) struct Extent {
    /// Where the kept lines end, at a line feed or the end of the block.
    pub(super) kept: usize,
    /// Where the last line ends.
    pub(super) end: usize,
    /// Whether there are more lines than one.
    pub(super) has_more: bool,
}

/// What the field of the time has.
pub(super) enum Time {
    At(Nanos),
    /// No value.
    Absent,
    /// A value that is no time.
    Unreadable,
}

impl Current {
    /// The time of a record.
    #[inline(always)]
    pub(super) fn time_of(&mut self, block: &[u8], record: &Record) -> Time {
        self.time.map_or(Time::Absent, |id| self.time_in(id, block, record))
    }

    fn time_in(&mut self, id: FieldId, block: &[u8], record: &Record) -> Time {
        let span = record.get(id);
        let text = span.bytes(block);
        if !span.is_present() || text.is_empty() || span.kind == crate::SpanKind::Null {
            return Time::Absent;
        }
        let beside = self.beside.map_or(b"" as &[u8], |id| record.get(id).bytes(block));
        let fraction = std::str::from_utf8(beside).ok().and_then(|text| text.parse().ok());
        let fraction = fraction.filter(|nanos| (0..SECOND).contains(nanos)).unwrap_or(0);
        self.time_clock
            .parse(text)
            .map_or(Time::Unreadable, |time| Time::At(time.saturating_add(fraction)))
    }
}

/// The field beside `time` that has the nanoseconds of a time in seconds, as Log4j 2, Stackdriver and
/// Protocol Buffers write them.
pub(super) fn beside_time(time: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 3] = [
        ("epochSecond", "nanoOfSecond"),
        ("timestampSeconds", "timestampNanos"),
        (".seconds", ".nanos"),
    ];
    let nanos = |(seconds, nanos)| time.strip_suffix(seconds).map(|s| format!("{s}{nanos}"));
    PAIRS.into_iter().find_map(nanos)
}

impl Current {
    /// The lines of the record whose first line is `block[start..end]`.
    #[inline(always)]
    pub(super) fn extent(&mut self, block: &[u8], start: usize, end: usize) -> Extent {
        if self.begun && self.begin.ends_at(block, end) {
            return Extent { kept: end, end, has_more: false };
        }
        self.extent_of_lines(block, start, end)
    }

    fn extent_of_lines(&mut self, block: &[u8], start: usize, end: usize) -> Extent {
        let single = Extent { kept: end, end, has_more: false };
        if !self.begin.joins() || !self.begun && !self.begins(block, start, end) {
            return single;
        }
        let last = self.begin.record_end(block, end);
        if last == end {
            return single;
        }
        Extent { kept: kept_end(block, start, last), end: last, has_more: true }
    }

    /// Whether the line `block[start..end]` begins the first record of the log.
    #[cold]
    fn begins(&mut self, block: &[u8], start: usize, end: usize) -> bool {
        self.begun = !is_blank(&block[start..end]) && self.begin.begins_at(block, start);
        self.begun
    }
}
