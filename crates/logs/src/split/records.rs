//! Reading one piece as blocks of whole records, where a record may have several lines.
//!
//! The rule is that of lines: a record belongs to the piece in which its first line begins. A thread that
//! takes a piece skips to the first line that begins a record, and reads past the piece's end until
//! another one begins. So the records are the same for any size of pieces and blocks. Lines before the
//! first record of a file are handed over as they are, to be records by themselves.
//!
//! Memory stays within [`RECORD_BYTES_MAX`] and a line: of a longer record only the beginning is
//! handed over, and the lines that follow are counted.

use std::ops::ControlFlow;

use super::BlockSink;
use super::blocks::{EXTENSION_BYTES, Pass};
use crate::Result;

/// The most bytes that a record of several lines keeps; a longer first line is kept whole.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The most lines that a record keeps.
pub const RECORD_LINES_MAX: usize = 10_000;

/// How much of `record` is kept: the whole lines within the limits, and always the first one.
#[must_use]
pub fn kept_lines(record: &[u8]) -> usize {
    if record.len() <= RECORD_LINES_MAX {
        return record.len();
    }
    let within = &record[..record.len().min(RECORD_BYTES_MAX)];
    let ends = memchr::memchr_iter(b'\n', within).map(|feed| feed + 1).take(RECORD_LINES_MAX);
    let last = ends.last().unwrap_or(0);
    if last == 0 {
        return memchr::memchr(b'\n', record).map_or(record.len(), |feed| feed + 1);
    }
    // A last line without its line feed is whole, too.
    let unended = record.len() <= RECORD_BYTES_MAX
        && !record[last..].contains(&b'\n')
        && record[..last].iter().filter(|&&b| b == b'\n').count() < RECORD_LINES_MAX;
    if unended { record.len() } else { last }
}

/// What the bytes at the front of the buffer are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    /// Lines of a file in which no record has begun yet.
    Banner,
    /// Lines of a record that is not handed over here, or only up to here.
    Rest {
        /// Whether the record belongs to this piece, so that its lines are counted here.
        ours: bool,
    },
    /// The first line of a record.
    Record,
}

/// Reads all records that begin in the piece of `pass`; its first line is at the front.
pub(super) fn joined<F: FnMut(u64, &mut [u8]) -> Result<usize>>(
    pass: &mut Pass<'_, F>,
    at_start: bool,
    sink: &mut impl BlockSink,
) -> Result<()> {
    let front = if at_start { Front::Banner } else { Front::Rest { ours: false } };
    let mut joining = Joining { pass, front, searched: 0 };
    loop {
        let flow = match joining.front {
            Front::Rest { ours } => joining.skip_rest(ours, sink)?,
            Front::Banner | Front::Record => joining.hand_over(sink)?,
        };
        match flow {
            Step::Ended => return Ok(()),
            Step::Moved => {}
            Step::NeedsMore => {
                if joining.cut_at_zeros(sink).is_break() {
                    return Ok(());
                }
                if joining.is_line_too_long() {
                    if joining.long_line(sink)?.is_break() {
                        return Ok(());
                    }
                } else if joining.more()? == 0 {
                    joining.finish(sink);
                    return Ok(());
                }
            }
        }
    }
}

enum Step {
    Ended,
    Moved,
    NeedsMore,
}

/// How much of a line that is too long is looked at to find whether it begins a record.
const BEGINNING_BYTES: usize = 4 << 10;

struct Joining<'p, 'a, F> {
    pass: &'p mut Pass<'a, F>,
    front: Front,
    /// Lines that begin before this place in the buffer begin no record, but for the first.
    searched: usize,
}

impl<F: FnMut(u64, &mut [u8]) -> Result<usize>> Joining<'_, '_, F> {
    /// Where the whole lines of the buffer end.
    fn lines_end(&self) -> usize {
        let from = self.searched.min(self.pass.len);
        memchr::memrchr(b'\n', &self.pass.buf[from..self.pass.len]).map_or(from, |at| from + at + 1)
    }

    /// Where in the buffer the next piece begins.
    fn piece_end(&self) -> usize {
        let left = self.pass.end.saturating_sub(self.pass.offset);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn cut(&mut self, at: usize, sink: &mut impl BlockSink) -> Step {
        self.searched = 0;
        if at > 0 && self.pass.hand_over(at, sink).is_break() { Step::Ended } else { Step::Moved }
    }

    /// Drops lines until one begins a record.
    fn skip_rest(&mut self, ours: bool, sink: &mut impl BlockSink) -> Result<Step> {
        let end = self.lines_end();
        let (mut at, mut lines) = (0, 0);
        let mut found = false;
        while at < end && !found {
            if !ours && self.pass.offset + at as u64 >= self.pass.end {
                return Ok(Step::Ended);
            }
            let feed = memchr::memchr(b'\n', &self.pass.buf[at..end]).map_or(end, |n| at + n);
            found = sink.begins_record(&self.pass.buf[at..feed]);
            if !found {
                (at, lines) = (feed + 1, lines + 1);
            }
        }
        if ours && lines > 0 {
            sink.left_out(lines, at as u64);
        }
        self.pass.drop_front(at);
        self.searched = 0;
        if !found {
            let over = !ours && self.pass.offset >= self.pass.end;
            return Ok(if over || sink.gives_up() { Step::Ended } else { Step::NeedsMore });
        }
        self.front = Front::Record;
        Ok(if self.pass.offset >= self.pass.end { Step::Ended } else { Step::Moved })
    }

    /// Hands over the records that are known to be whole.
    fn hand_over(&mut self, sink: &mut impl BlockSink) -> Result<Step> {
        let (lines_end, piece_end) = (self.lines_end(), self.piece_end());
        if self.front == Front::Banner && lines_end > 0 && self.first_begins(sink) {
            self.front = Front::Record;
            if piece_end == 0 {
                return Ok(Step::Ended);
            }
        }
        if let Some(at) = self.last_begin(lines_end.min(piece_end), sink) {
            self.front = Front::Record;
            return Ok(self.cut(at, sink));
        }
        if let Some(at) = self.first_begin(piece_end, lines_end, sink) {
            self.cut(at, sink);
            return Ok(Step::Ended);
        }
        self.searched = lines_end;
        if self.front == Front::Banner && lines_end > 0 {
            return Ok(self.cut(lines_end, sink));
        }
        if lines_end > 0 && self.pass.len > RECORD_BYTES_MAX {
            self.front = Front::Rest { ours: true };
            return Ok(self.cut(lines_end, sink));
        }
        Ok(Step::NeedsMore)
    }

    /// Whether the first line of the buffer begins a record.
    fn first_begins(&self, sink: &mut impl BlockSink) -> bool {
        let buf = &self.pass.buf[..self.pass.len];
        let end = memchr::memchr(b'\n', buf).unwrap_or(buf.len());
        sink.begins_record(&buf[..end])
    }

    /// The last line that begins a record, of those that begin behind the first and before `limit`.
    fn last_begin(&self, limit: usize, sink: &mut impl BlockSink) -> Option<usize> {
        let buf = &self.pass.buf[..self.pass.len];
        let lowest = self.searched;
        let mut before = limit.min(buf.len());
        while before > lowest {
            let start = memchr::memrchr(b'\n', &buf[..before - 1]).map_or(0, |at| at + 1);
            if start == 0 || start < lowest {
                return None;
            }
            let feed = memchr::memchr(b'\n', &buf[start..])?;
            if sink.begins_record(&buf[start..start + feed]) {
                return Some(start);
            }
            before = start;
        }
        None
    }

    /// The first line that begins a record, of those that begin at or after `from`.
    fn first_begin(&self, from: usize, end: usize, sink: &mut impl BlockSink) -> Option<usize> {
        let buf = &self.pass.buf[..end];
        let mut at = self.searched;
        if from > at {
            let feed = memchr::memchr(b'\n', buf.get(from - 1..)?)?;
            at = from + feed;
        }
        while at < end {
            let feed = memchr::memchr(b'\n', &buf[at..])?;
            if at > 0 && sink.begins_record(&buf[at..at + feed]) {
                return Some(at);
            }
            at += feed + 1;
        }
        None
    }

    /// Drops NUL bytes that fill the buffer, and hands over the record before them: what is behind a
    /// hole does not continue it.
    fn cut_at_zeros(&mut self, sink: &mut impl BlockSink) -> ControlFlow<()> {
        let at = self.lines_end();
        let full = self.pass.len == self.pass.buf.len() && self.pass.buf.get(at) == Some(&0);
        if full && at > 0 && !matches!(self.front, Front::Rest { .. }) {
            let ends = at >= self.piece_end();
            self.searched = 0;
            self.pass.hand_over(at, sink)?;
            if ends {
                return ControlFlow::Break(());
            }
        }
        if self.pass.drop_zeros() {
            self.searched = 0;
            if sink.gives_up() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn is_line_too_long(&self) -> bool {
        self.pass.len - self.lines_end() > self.pass.limits.line_bytes_max
    }

    /// The buffer ends with the start of a line that is too long: reports it, and skips it.
    fn long_line(&mut self, sink: &mut impl BlockSink) -> Result<ControlFlow<()>> {
        let at = self.lines_end();
        let start = &self.pass.buf[at..self.pass.len.min(at + BEGINNING_BYTES)];
        let begins = sink.begins_record(start);
        let is_next = self.pass.offset + at as u64 >= self.pass.end;
        let own_first = at == 0 && self.front == Front::Record;
        if at > 0 && matches!(self.cut(at, sink), Step::Ended) {
            return Ok(ControlFlow::Break(()));
        }
        self.searched = 0;
        match self.front {
            Front::Rest { ours: false } if is_next => return Ok(ControlFlow::Break(())),
            _ if begins && is_next && !own_first => return Ok(ControlFlow::Break(())),
            Front::Rest { ours: false } if !begins => {
                let next = self.pass.skip_line(u64::MAX, sink)?;
                return Ok(flow(next.is_some()));
            }
            _ => {}
        }
        if begins || self.front != Front::Banner {
            self.front = Front::Rest { ours: true };
        }
        self.pass.long_line(sink)
    }

    /// Reads more, but no more of a line than shows that it is too long.
    fn more(&mut self) -> Result<usize> {
        self.pass.held_max = self.lines_end() + self.pass.limits.line_bytes_max + 1;
        let step = EXTENSION_BYTES.max(self.pass.len);
        self.pass.more(step)
    }

    /// The file ends: its last line may lack a line feed.
    fn finish(&mut self, sink: &mut impl BlockSink) {
        let at = self.lines_end();
        let length = self.pass.len - at;
        let Front::Rest { ours } = self.front else {
            // The last line may begin a record of the next piece.
            let is_next = self.pass.offset + at as u64 >= self.pass.end;
            let own_first = at == 0 && self.front == Front::Record;
            let last = &self.pass.buf[at..self.pass.len];
            let ends_before = length > 0 && is_next && !own_first && sink.begins_record(last);
            let cut = if ends_before { at } else { self.pass.len };
            self.cut(cut, sink);
            return;
        };
        if length == 0 || self.pass.offset >= self.pass.end && !ours {
            return;
        }
        let begins = sink.begins_record(&self.pass.buf[..self.pass.len]);
        if begins && self.pass.offset < self.pass.end {
            self.cut(self.pass.len, sink);
        } else if !begins && ours {
            sink.left_out(1, length as u64);
        }
    }
}

fn flow(goes_on: bool) -> ControlFlow<()> {
    if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_whole_lines_within_the_limits() {
        assert_eq!(kept_lines(b"a\nb\n"), 4);
        let many = "x\n".repeat(RECORD_LINES_MAX + 5);
        assert_eq!(kept_lines(many.as_bytes()), 2 * RECORD_LINES_MAX);
        let line = format!("{}\n", "y".repeat(1023));
        assert_eq!(kept_lines(line.repeat(1030).as_bytes()), RECORD_BYTES_MAX);
        let long = "z".repeat(RECORD_BYTES_MAX + 7);
        assert_eq!(kept_lines(format!("{long}\nnext\n").as_bytes()), long.len() + 1);
        let unended = format!("{}last", "x\n".repeat(RECORD_LINES_MAX - 1));
        assert_eq!(kept_lines(unended.as_bytes()), unended.len());
    }
}
