//! Reading one piece as blocks of whole lines, or of whole records (see `records`).

use std::ops::{ControlFlow, Range};

use super::Limits;
use super::records::joined;
use crate::Result;

/// Whole lines that follow each other in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Offset in the file of the first byte.
    pub offset: u64,
    /// The lines, each with its line feed; only the last line of a file may lack it.
    pub bytes: &'a [u8],
}

/// Takes the blocks of a piece.
pub trait BlockSink {
    /// The next lines. [`ControlFlow::Break`] ends the piece.
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()>;

    /// A line longer than the limit: its offset, its bytes, with its line feed if it has one, and its
    /// beginning.
    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) -> ControlFlow<()>;

    /// Whether to give up a line that is skipped: it may be as long as the file, or endless in a
    /// device.
    fn gives_up(&self) -> bool {
        false
    }

    /// Whether lines are joined to records: blocks are then whole records.
    fn joins_lines(&self) -> bool {
        false
    }

    /// Whether `line`, without its line feed, begins a record. Asked only where lines are joined.
    fn begins_record(&mut self, _line: &[u8]) -> bool {
        true
    }

    /// Lines that continue a record and are left out of it, as it is too long: how many, and their
    /// bytes with their ends.
    fn left_out(&mut self, _lines: u64, _bytes: u64) {}
}

/// How many bytes of a line that is too long are kept to show.
const EXCERPT_BYTES: usize = 256;

/// This many NUL bytes before a line are a hole, which is not part of it.
const HOLE_BYTES: usize = 64 << 10;

/// How far past the end of a piece to read at a time for its last line.
pub(super) const EXTENSION_BYTES: usize = 4 << 10;

/// Reads pieces as blocks of lines, with one buffer that is used again for every piece.
#[derive(Debug)]
pub struct Blocks {
    limits: Limits,
    buf: Vec<u8>,
}

/// The state of one piece: `buf[..len]` holds the bytes of the file from `offset` on.
pub(super) struct Pass<'a, F> {
    pub(super) limits: Limits,
    pub(super) buf: &'a mut Vec<u8>,
    pub(super) len: usize,
    pub(super) offset: u64,
    /// Lines that begin here or later belong to the next piece.
    pub(super) end: u64,
    /// The most bytes that the buffer grows to.
    pub(super) held_max: usize,
    fill: F,
}

impl Blocks {
    /// A reader within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let block_bytes = limits.block_bytes.max(64);
        // A line that fits a block costs nothing, so the bound is never less than a block;
        // otherwise it would depend on where in a block a line lies.
        let line_bytes_max = limits.line_bytes_max.max(block_bytes);
        Self { limits: Limits { block_bytes, line_bytes_max, ..limits }, buf: Vec::new() }
    }

    /// Reads the lines that begin in `range`. `fill` gives the bytes at an offset, which is always where
    /// it ended before, and returns 0 at the end of the file.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn read(
        &mut self,
        range: Range<u64>,
        fill: impl FnMut(u64, &mut [u8]) -> Result<usize>,
        sink: &mut impl BlockSink,
    ) -> Result<()> {
        if self.buf.len() < self.limits.block_bytes {
            self.buf.resize(self.limits.block_bytes, 0);
        }
        let offset = range.start.saturating_sub(1);
        let held_max = self.limits.line_bytes_max.saturating_add(1);
        let (limits, buf, end) = (self.limits, &mut self.buf, range.end);
        let mut pass = Pass { limits, buf, len: 0, offset, end, held_max, fill };
        if range.start > 0 && pass.skip_line(range.end.saturating_sub(1), sink)?.is_none() {
            return Ok(());
        }
        if sink.joins_lines() {
            return joined(&mut pass, range.start == 0, sink);
        }
        pass.lines(sink)
    }
}

impl<F: FnMut(u64, &mut [u8]) -> Result<usize>> Pass<'_, F> {
    /// Hands over all lines that begin before the end.
    fn lines(&mut self, sink: &mut impl BlockSink) -> Result<()> {
        // How much of the buffer was searched for a line feed, so no byte is searched twice.
        let mut searched = 0;
        while self.offset < self.end {
            if let Some(cut) = self.last_cut(searched) {
                let last = self.offset + cut as u64 >= self.end;
                if self.hand_over(cut, sink).is_break() || last {
                    return Ok(());
                }
                searched = self.len;
                continue;
            }
            searched = self.len;
            if self.drop_zeros() {
                if sink.gives_up() {
                    return Ok(());
                }
                searched = self.len;
            }
            if self.len > self.limits.line_bytes_max {
                if self.long_line(sink)?.is_break() {
                    return Ok(());
                }
                searched = 0;
            } else if self.more(EXTENSION_BYTES.max(self.len))? == 0 {
                return self.last_line(sink);
            }
        }
        Ok(())
    }

    /// Where to cut: after the last line feed, or after the line that crosses the end.
    fn last_cut(&self, searched: usize) -> Option<usize> {
        let held = &self.buf[..self.len];
        let crossing = self.end - 1 - self.offset;
        if crossing < self.len as u64 {
            let from = (crossing as usize).max(searched);
            if let Some(at) = memchr::memchr(b'\n', &held[from..]) {
                return Some(from + at + 1);
            }
        }
        let limit = crossing.min(self.len as u64) as usize;
        let searched = searched.min(limit);
        memchr::memrchr(b'\n', &held[searched..limit]).map(|at| searched + at + 1)
    }

    pub(super) fn hand_over(&mut self, cut: usize, sink: &mut impl BlockSink) -> ControlFlow<()> {
        let flow = sink.block(Block { offset: self.offset, bytes: &self.buf[..cut] });
        self.drop_front(cut);
        flow
    }

    /// Drops the NUL bytes before the line at the front, where they fill the buffer: a hole may be larger
    /// than the longest line.
    pub(super) fn drop_zeros(&mut self) -> bool {
        let full = self.len == self.buf.len() && self.buf.first() == Some(&0);
        if !full {
            return false;
        }
        let zeros = self.buf.iter().take_while(|&&b| b == 0).count();
        if zeros < HOLE_BYTES {
            return false;
        }
        self.drop_front(zeros);
        // The line began with them.
        self.end = self.end.max(self.offset + 1);
        true
    }

    pub(super) fn drop_front(&mut self, n: usize) {
        self.buf.copy_within(n..self.len, 0);
        self.len -= n;
        self.offset += n as u64;
    }

    fn last_line(&mut self, sink: &mut impl BlockSink) -> Result<()> {
        if self.len > 0 {
            let _ = self.hand_over(self.len, sink);
        }
        Ok(())
    }

    /// Reads more after what is held: up to the end of the piece, then `step` at a time.
    pub(super) fn more(&mut self, step: usize) -> Result<usize> {
        if self.len == self.buf.len() {
            self.buf.resize((self.len * 2).min(self.held_max), 0);
        }
        let at = self.offset + self.len as u64;
        let left = self.end.saturating_sub(at);
        let want = if left > 0 { left } else { step as u64 };
        let space = self.buf.len().min(self.held_max);
        let space = &mut self.buf[self.len..space];
        let want = want.min(space.len() as u64).min(self.limits.block_bytes as u64) as usize;
        let n = (self.fill)(at, &mut space[..want])?;
        self.len += n;
        Ok(n)
    }

    /// The held bytes are the start of a line that is too long: reports it and skips it.
    pub(super) fn long_line(&mut self, sink: &mut impl BlockSink) -> Result<ControlFlow<()>> {
        let (offset, excerpt) = (self.offset, self.buf[..EXCERPT_BYTES.min(self.len)].to_vec());
        let next = self.skip_line(u64::MAX, sink)?;
        let end = next.unwrap_or(self.offset);
        self.buf.truncate(self.limits.block_bytes.max(self.len));
        self.buf.shrink_to_fit();
        let flow = sink.long_line(offset, end - offset, &excerpt);
        // Where it ends the file, or was given up, there is nothing more to hand over.
        Ok(if next.is_some() { flow } else { ControlFlow::Break(()) })
    }

    /// Drops bytes through the next line feed, and returns where the next line begins, or `None` when
    /// no line begins before `limit`. Holds at most a block meanwhile.
    pub(super) fn skip_line(&mut self, limit: u64, sink: &impl BlockSink) -> Result<Option<u64>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buf[..self.len]) {
                self.drop_front(at + 1);
                return Ok((self.offset <= limit).then_some(self.offset));
            }
            self.offset += self.len as u64;
            self.len = 0;
            if self.offset >= limit || sink.gives_up() || self.more(usize::MAX)? == 0 {
                return Ok(None);
            }
        }
    }
}
