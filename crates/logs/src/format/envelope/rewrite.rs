//! Blocks of lines that cannot be read in place, written anew.
//!
//! Docker's lines have their text in a JSON string, Docker and CRI cut long texts into pieces, and some
//! lines have colour codes. Such a block is copied line by line, with a text in one piece, and each line
//! of the copy knows where it was in the log.
//!
//! A text belongs to the task in which its last piece is. A reader that begins in the middle of a
//! log looks back for texts that were incomplete there (`look_back`).

use std::ops::Range;

use super::continued::is_continuation;
use super::docker::DockerLines;
use super::pieces::{Open, Piece, Pieces, cri_piece, is_found};
use super::{EnvelopeKind, Wrapping, colours, journald};
use crate::format::{feed, is_blank};
use crate::json::Fault;
use crate::record::mark_length;
use crate::split::{RECORD_BYTES_MAX, RECORD_LINES_MAX};

/// A line of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) outcome: Outcome,
    /// Where it is in the copy, without its line feed.
    pub(crate) text: Range<usize>,
    /// Where in the block its line is, or the line that completed it; empty for a text that was
    /// never completed.
    pub(crate) source: Range<usize>,
    /// Offset in the log of its first piece.
    pub(crate) offset: u64,
    /// Lines of the block since the entry before, this line included.
    pub(crate) lines: u64,
    /// How many lines before this one its first piece is.
    pub(crate) back: u64,
    /// How many lines it is made of.
    pub(crate) pieces: u64,
}

/// What a line of the copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A line to be parsed.
    Line,
    /// A bad line of the block; the fault is in the block.
    Bad(Fault),
    /// A text that is too long; its beginning is there.
    TooLong,
}

/// Writes blocks anew.
#[derive(Debug)]
pub(crate) struct Rewriter {
    joining: Joining,
    coloured: bool,
    pub(super) pieces: Pieces,
    copy: Vec<u8>,
    entries: Vec<Entry>,
    /// Lines seen, in all and up to the last entry.
    line: u64,
    entered: u64,
    /// Lines of the last block with nothing in them, where they have no entries.
    blank: u64,
    /// Where the next block begins, if it follows.
    pub(super) next: Option<u64>,
    /// Whether texts that continue the one before are joined with it.
    merges: bool,
}

#[derive(Debug)]
enum Joining {
    No,
    Journald,
    Cri,
    Docker(Box<DockerLines>),
}

impl Wrapping {
    /// What writes the blocks anew, where that is needed; a text may have up to `bytes_max` bytes.
    pub(crate) fn rewriter(&self, bytes_max: usize) -> Option<Rewriter> {
        let joining = match self.envelopes.first().map(|e| e.kind) {
            Some(EnvelopeKind::Docker) => Joining::Docker(Box::new(DockerLines::new())),
            Some(EnvelopeKind::Cri) => Joining::Cri,
            Some(EnvelopeKind::Journald) => Joining::Journald,
            _ if self.coloured => Joining::No,
            _ => return None,
        };
        Some(Rewriter::new(joining, self.coloured, bytes_max))
    }
}

impl Rewriter {
    fn new(joining: Joining, coloured: bool, bytes_max: usize) -> Self {
        Self {
            joining,
            coloured,
            pieces: Pieces::new(bytes_max),
            copy: Vec::new(),
            entries: Vec::new(),
            line: 0,
            entered: 0,
            blank: 0,
            next: None,
            merges: true,
        }
    }

    /// Whether lines may be pieces.
    pub(crate) fn joins(&self) -> bool {
        !matches!(self.joining, Joining::No | Joining::Journald)
    }

    /// A line as the copy has it by itself.
    pub(crate) fn copy_of(&mut self, line: &[u8]) -> Vec<u8> {
        let mut copy = Vec::with_capacity(line.len());
        let piece = match &mut self.joining {
            Joining::No | Joining::Journald => None,
            Joining::Cri => cri_piece(line, 0, line.len()).ok(),
            Joining::Docker(lines) => {
                lines.begin_block(line);
                lines.piece(line, 0).ok()
            }
        };
        match piece {
            Some(piece) => whole(&piece, self.coloured, &mut copy),
            None => colours::strip_into(line, &mut copy),
        }
        copy
    }

    /// Whether there was no block since the last reset.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next.is_none()
    }

    /// The copy of the last block.
    pub(crate) fn copy(&self) -> &[u8] {
        &self.copy
    }

    /// Its lines.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Lines of the last block after its last entry.
    pub(crate) fn lines_left(&self) -> u64 {
        self.line - self.entered
    }

    /// Lines of the last block with nothing in them that have no entries.
    pub(crate) fn blank(&self) -> u64 {
        self.blank
    }

    /// Forgets all pieces: the next block is anywhere.
    pub(crate) fn reset(&mut self) {
        self.pieces.clear();
        self.next = None;
    }

    /// Rewrites a block, which begins at `offset` of the log.
    pub(crate) fn block(&mut self, offset: u64, block: &[u8]) {
        self.clear();
        // After a gap, what was not completed never will be.
        if self.next.is_some_and(|next| next != offset) {
            self.give_up(|_| true);
        }
        self.next = Some(offset + block.len() as u64);
        if let Joining::Docker(lines) = &mut self.joining {
            lines.begin_block(block);
        }
        let mut at = if offset == 0 { mark_length(block) } else { 0 };
        while at < block.len() {
            let end = feed(block, at);
            self.line += 1;
            if is_blank(&block[at..end]) && self.joins() {
                self.blank += 1;
            } else {
                self.one_line(offset, block, at, end);
            }
            at = end + 1;
        }
    }

    fn clear(&mut self) {
        self.copy.clear();
        self.entries.clear();
        self.entered = self.line;
        self.blank = 0;
    }

    fn one_line(&mut self, offset: u64, block: &[u8], start: usize, end: usize) {
        let piece = match &mut self.joining {
            Joining::No => {
                let from = self.copy.len();
                colours::strip_into(&block[start..end], &mut self.copy);
                return self.enter(from, start..end, offset + start as u64, Outcome::Line);
            }
            Joining::Journald => {
                let from = self.copy.len();
                if self.coloured {
                    let mut plain = Vec::with_capacity(end - start);
                    colours::strip_into(&block[start..end], &mut plain);
                    journald::rewrite_into(&plain, &mut self.copy);
                } else {
                    journald::rewrite_into(&block[start..end], &mut self.copy);
                }
                return self.enter(from, start..end, offset + start as u64, Outcome::Line);
            }
            Joining::Cri => {
                cri_piece(block, start, end).map_err(|r| Fault { reason: r, at: start })
            }
            Joining::Docker(lines) => lines.piece(block, start),
        };
        match piece {
            Ok(piece) => {
                let (pieces, coloured) = (&mut self.pieces, self.coloured);
                let at = offset + start as u64;
                if piece.last && !pieces.is_open(piece.stream) {
                    let from = self.copy.len();
                    whole(&piece, coloured, &mut self.copy);
                    if !self.merge(from, 1) {
                        self.enter(from, start..end, at, Outcome::Line);
                    }
                } else if let Some(open) = pieces.add(&piece, at, self.line) {
                    self.complete(&open, start..end);
                }
            }
            Err(fault) => {
                let from = self.copy.len();
                self.enter(from, start..end, offset + start as u64, Outcome::Bad(fault));
            }
        }
    }

    /// Enters the line `copy[from..]`.
    fn enter(&mut self, from: usize, source: Range<usize>, offset: u64, outcome: Outcome) {
        let text = from..self.copy.len();
        self.copy.push(b'\n');
        let lines = self.line - self.entered;
        self.entered = self.line;
        self.entries.push(Entry { outcome, text, source, offset, lines, back: 0, pieces: 1 });
    }

    /// Joins the text `copy[from..]`, made of `pieces`, with the last one, if it continues that and is of
    /// the same stream; whether it did.
    fn merge(&mut self, from: usize, pieces: u64) -> bool {
        let Some(last) = self.entries.last_mut().filter(|_| self.merges) else { return false };
        let head = |text: &[u8]| {
            let mut blanks = memchr::memchr_iter(b' ', text);
            Some((blanks.next()?, blanks.next()?, blanks.nth(0)? + 1))
        };
        let (text, before) = (&self.copy[from..], &self.copy[last.text.clone()]);
        let (Some((time, stream, inner)), Some(other)) = (head(text), head(before)) else {
            return false;
        };
        let fits = last.outcome == Outcome::Line
            && text[time..stream] == before[other.0..other.1]
            && is_continuation(&text[inner..], false)
            && last.text.len() + text.len() <= RECORD_BYTES_MAX
            && last.pieces + pieces <= RECORD_LINES_MAX as u64;
        if !fits {
            return false;
        }
        // Without its envelope, after the line feed of the text before.
        self.copy.drain(from..from + inner);
        last.text.end = self.copy.len();
        self.copy.push(b'\n');
        let lines = self.line - self.entered;
        self.entered = self.line;
        (last.lines, last.back, last.pieces) =
            (last.lines + lines, last.back + lines, last.pieces + pieces);
        true
    }

    /// Enters a text of several pieces.
    fn complete(&mut self, open: &Open, source: Range<usize>) {
        let from = self.copy.len();
        if self.coloured {
            colours::strip_into(&open.line, &mut self.copy);
        } else {
            self.copy.extend_from_slice(&open.line);
        }
        let too_long = open.is_too_long(self.pieces.bytes_max());
        if !too_long && self.merge(from, open.pieces) {
            return;
        }
        let outcome = if too_long { Outcome::TooLong } else { Outcome::Line };
        self.enter(from, source, open.offset, outcome);
        if let Some(entry) = self.entries.last_mut() {
            entry.back = self.line.saturating_sub(open.first_line);
            entry.pieces = open.pieces;
        }
    }

    /// Enters the texts that will not be completed, by themselves.
    pub(crate) fn finish(&mut self, at_end: bool) {
        self.clear();
        let end = self.next.unwrap_or_default();
        self.give_up(|open| at_end || !is_found(open.last_offset, end));
    }

    fn give_up(&mut self, which: impl Fn(&Open) -> bool) {
        for open in self.pieces.take(which) {
            self.complete(&open, 0..0);
        }
    }

    /// Passes over a block without entering anything; calls `seen` with the stream of each piece and
    /// whether a text ends with it.
    pub(super) fn pass_over(
        &mut self,
        offset: u64,
        block: &[u8],
        mut seen: impl FnMut(&[u8], bool),
    ) {
        if let Joining::Docker(lines) = &mut self.joining {
            lines.begin_block(block);
        }
        let mut at = if offset == 0 { mark_length(block) } else { 0 };
        while at < block.len() {
            let end = feed(block, at);
            let piece = match &mut self.joining {
                Joining::No | Joining::Journald => return,
                Joining::Cri => cri_piece(block, at, end).ok(),
                Joining::Docker(lines) => lines.piece(block, at).ok(),
            };
            self.line += 1;
            if let Some(piece) = piece {
                seen(piece.stream, piece.last);
                if !piece.last || self.pieces.is_open(piece.stream) {
                    self.pieces.add(&piece, offset + at as u64, self.line);
                }
            }
            at = end + 1;
        }
    }

    /// The copy of sampled lines; bad lines stay as they are.
    pub(crate) fn sample(mut self, sample: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.merges = false;
        self.block(0, sample);
        self.copy_out(sample, &mut out);
        self.finish(true);
        self.copy_out(sample, &mut out);
        out
    }

    fn copy_out(&self, sample: &[u8], out: &mut Vec<u8>) {
        for entry in &self.entries {
            let bad = matches!(entry.outcome, Outcome::Bad(_));
            let (from, range) =
                if bad { (sample, &entry.source) } else { (&self.copy[..], &entry.text) };
            out.extend_from_slice(&from[range.clone()]);
            out.push(b'\n');
        }
    }
}

/// Appends the line of a text in one piece.
fn whole(piece: &Piece<'_>, coloured: bool, out: &mut Vec<u8>) {
    piece.head(out);
    if coloured {
        colours::strip_into(piece.text, out);
    } else {
        out.extend_from_slice(piece.text);
    }
}
