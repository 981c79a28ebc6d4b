//! Lines that are parsed in a copy of their block (see [`crate::format`]'s envelopes).

use std::ops::Range;

use super::{Current, Scanner, hand_over_bad};
use crate::bad::{BadLine, Reason, excerpt};
use crate::format::{Entry, Outcome, Rewriter, feed};
use crate::json::Fault;
use crate::scan::{Request, Row, Sink};
use crate::split::{Block, Task};

impl<S: Sink> Scanner<'_, S> {
    /// Prepares for the lines of a piece.
    pub(super) fn begin_rewriting(&mut self, task: &Task) {
        let (Some(current), follows) = (&mut self.current, self.follows) else { return };
        let Some(rewriter) = &mut current.rewriter else { return };
        let input = &self.logs[task.input].input;
        current.at_end = input.plain().is_none() || task.range.end >= input.size();
        // A log that is followed comes in parts that follow each other.
        if !follows {
            rewriter.reset();
        }
    }

    /// Goes over the lines of a block that is rewritten.
    pub(super) fn rewritten(&mut self, c: &mut Current, block: Block<'_>) {
        let Some(mut rewriter) = c.rewriter.take() else { return };
        if rewriter.is_fresh()
            && block.offset > 0
            && let Some(file) = self.logs[c.log].input.plain()
        {
            // Where the bytes before cannot be read, neither can the log: its failure is reported.
            let _ = rewriter.look_back(file, block.offset);
        }
        rewriter.block(block.offset, block.bytes);
        self.entries(c, &rewriter, block);
        self.tally.lines += rewriter.lines_left();
        self.tally.blank += rewriter.blank();
        c.rewriter = Some(rewriter);
    }

    /// Hands over the texts that are not complete at the end of a piece, and will not be.
    pub(super) fn finish_rewriting(&mut self) {
        if self.follows {
            return;
        }
        let Some(mut current) = self.current.take() else { return };
        if let Some(mut rewriter) = current.rewriter.take() {
            let input = &self.logs[current.log].input;
            // If no line begins in the last piece, it still has to finish what earlier pieces left.
            if current.at_end
                && rewriter.is_fresh()
                && let Some(file) = input.plain()
            {
                let _ = rewriter.look_back(file, input.size());
            }
            rewriter.finish(current.at_end);
            self.entries(&mut current, &rewriter, Block { offset: 0, bytes: b"" });
            current.rewriter = Some(rewriter);
        }
        self.current = Some(current);
    }

    fn entries(&mut self, c: &mut Current, rewriter: &Rewriter, block: Block<'_>) {
        let copy = rewriter.copy();
        c.parser.begin_block(copy);
        let mut entries = rewriter.entries();
        while let Some((first, rest)) = entries.split_first() {
            let (entry, more, left_out) = whole_record(c, copy, first, rest);
            self.tally.lines += entry.lines;
            self.tally.continued += entry.pieces - 1;
            if let Err((reason, column)) = self.entry(c, copy, &entry, block) {
                self.bad_entry(c, copy, &entry, block, reason, column);
            }
            self.tally.lines += more as u64;
            self.tally.continued += more as u64;
            self.tally.left_out += left_out as u64;
            entries = &rest[more..];
        }
    }

    /// Takes the record of an entry; the error says why it is not one, and where in the line.
    fn entry(
        &mut self,
        c: &mut Current,
        copy: &[u8],
        entry: &Entry,
        block: Block<'_>,
    ) -> Result<(), (Reason, usize)> {
        match entry.outcome {
            Outcome::Line => {}
            Outcome::Bad(fault) => return Err((fault.reason, fault.at - entry.source.start)),
            Outcome::TooLong => return Err((Reason::TooLong, 0)),
        }
        let in_line = |fault: Fault| (fault.reason, fault.at.saturating_sub(entry.text.start));
        self.record.clear();
        let Range { start, end } = entry.text;
        let Current { parser, fields, .. } = c;
        let lines = (start, feed(copy, start).min(end), end);
        let parsed = parser.parse_lines(copy, lines, fields, &mut self.record);
        if !parsed.map_err(in_line)? {
            self.tally.blank += 1;
            return Ok(());
        }
        let time = self.time(c, copy);
        self.tally.records += 1;
        // A line that was not joined is handed over as it stands.
        let line = line_of(copy, entry, block);
        if !c.filter.passes(copy, line, &self.record, time, &mut c.clock) {
            return Ok(());
        }
        self.tally.matched += 1;
        let row = Row {
            log: c.log,
            offset: entry.offset,
            number: self.tally.lines.saturating_sub(entry.back),
            block: copy,
            line,
            fields: &c.fields,
            record: &self.record,
            time,
        };
        self.sink.row(&row, &mut c.clock);
        Ok(())
    }

    #[cold]
    fn bad_entry(
        &mut self,
        c: &mut Current,
        copy: &[u8],
        entry: &Entry,
        block: Block<'_>,
        reason: Reason,
        column: usize,
    ) {
        self.tally.bad.add(reason);
        let (line, offset) = (line_of(copy, entry, block), entry.offset);
        let number = self.tally.lines.saturating_sub(entry.back);
        hand_over_bad(&mut self.sink, c, reason, number, offset, line);
        if self.request.locate_all || self.bad_lines.len() < Request::BAD_KEPT {
            let (column, excerpt) = (column as u32, excerpt(line));
            self.bad_lines.push(BadLine { line: number, offset, column, reason, excerpt });
        }
    }
}

/// The record that `first` begins, how many lines of `rest` belong to it, and how many of these are left out.
fn whole_record(
    c: &mut Current,
    copy: &[u8],
    first: &Entry,
    rest: &[Entry],
) -> (Entry, usize, usize) {
    let mut entry = first.clone();
    if !c.begin.joins() || c.begin.is_in_pieces() || first.outcome != Outcome::Line {
        return (entry, 0, 0);
    }
    let extent = c.extent(copy, first.text.start, first.text.end);
    let lines_to = |end: usize| rest.iter().take_while(|entry| entry.text.end <= end).count();
    let (kept, all) = (lines_to(extent.kept), lines_to(extent.end));
    if let Some(last) = kept.checked_sub(1).map(|at| &rest[at]) {
        entry.text.end = last.text.end;
        entry.source.end = last.source.end;
    }
    (entry, all, all - kept)
}

/// The line as it stands in the log, or, where it was joined, as it would stand there in one piece.
fn line_of<'a>(copy: &'a [u8], entry: &Entry, block: Block<'a>) -> &'a [u8] {
    let joined = entry.pieces > 1 || entry.source.is_empty();
    let (from, range): (&[u8], &Range<usize>) =
        if joined { (copy, &entry.text) } else { (block.bytes, &entry.source) };
    from.get(range.clone()).unwrap_or_default()
}
