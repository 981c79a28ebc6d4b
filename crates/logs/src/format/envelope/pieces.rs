//! Joining the pieces into which a collector cut a text.

use super::layers::cri_parts;
use crate::format::cursor::{Cursor, Step};

/// The most streams whose pieces are held at a time. Containers have two.
const STREAMS_MAX: usize = 8;

/// A piece of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) time: &'a [u8],
    pub(super) stream: &'a [u8],
    /// The flag of CRI, or Docker's attributes.
    pub(super) mark: &'a [u8],
    pub(super) text: &'a [u8],
    /// Whether the text ends with it.
    pub(super) last: bool,
}

impl Piece<'_> {
    /// Appends what stands before the text.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        for part in [self.time, self.stream, self.mark] {
            out.extend_from_slice(part);
            out.push(b' ');
        }
    }
}

/// A line of CRI as a piece.
pub(super) fn cri_piece(block: &[u8], start: usize, end: usize) -> Step<Piece<'_>> {
    let end = if block[start..end].ends_with(b"\r") { end - 1 } else { end };
    let mut c = Cursor::new(block, start, end);
    let [time, stream, flag] = cri_parts(&mut c)?;
    let flag = flag.bytes(block);
    Ok(Piece {
        time: time.bytes(block),
        stream: stream.bytes(block),
        mark: flag,
        text: c.rest(),
        last: flag.first() != Some(&b'P'),
    })
}

/// A text whose last piece was not seen yet.
#[derive(Debug)]
pub(super) struct Open {
    stream: Vec<u8>,
    /// What stands before the text, and the text so far; only its beginning where it is too long.
    pub(super) line: Vec<u8>,
    /// Where in `line` the mark is.
    mark_at: usize,
    /// Where its first piece begins, and the number of that line.
    pub(super) offset: u64,
    pub(super) first_line: u64,
    /// Where its last piece so far begins.
    pub(super) last_offset: u64,
    pub(super) pieces: u64,
    /// Bytes of all pieces.
    pub(super) bytes: u64,
}

impl Open {
    pub(super) fn stream(&self) -> &[u8] {
        &self.stream
    }

    /// Whether it is longer than a line may be.
    pub(super) fn is_too_long(&self, max: usize) -> bool {
        self.bytes > max as u64
    }
}

/// The texts of all streams that are not whole yet.
#[derive(Debug)]
pub(super) struct Pieces {
    open: Vec<Open>,
    bytes_max: usize,
}

/// How much is kept of a text that is too long.
const EXCERPT_BYTES: usize = 256;

impl Pieces {
    /// Holds texts of up to `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { open: Vec::new(), bytes_max }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }

    /// Whether a text of `stream` is not whole.
    pub(super) fn is_open(&self, stream: &[u8]) -> bool {
        self.open.iter().any(|open| open.stream == stream)
    }

    /// Adds a piece that begins at `offset`, in line `line`. Returns the whole text with its last
    /// piece, or else a text that had to make room for this one.
    pub(super) fn add(&mut self, piece: &Piece<'_>, offset: u64, line: u64) -> Option<Open> {
        let found = self.open.iter().position(|open| open.stream == piece.stream);
        let full = found.is_none() && self.open.len() == STREAMS_MAX;
        let pushed_out = full.then(|| self.open.remove(0));
        let at = found.unwrap_or_else(|| {
            let mut head = Vec::new();
            piece.head(&mut head);
            self.open.push(Open {
                stream: piece.stream.to_vec(),
                line: head,
                mark_at: piece.time.len() + piece.stream.len() + 2,
                offset,
                first_line: line,
                last_offset: offset,
                pieces: 0,
                bytes: 0,
            });
            self.open.len() - 1
        });
        let open = &mut self.open[at];
        open.pieces += 1;
        open.last_offset = offset;
        open.bytes += piece.text.len() as u64;
        if open.is_too_long(self.bytes_max) {
            open.line.truncate(EXCERPT_BYTES);
            open.line.shrink_to_fit();
        } else {
            open.line.extend_from_slice(piece.text);
        }
        if !piece.last {
            return pushed_out;
        }
        let mut whole = self.open.remove(at);
        // The flag of the whole is that of its last piece.
        if let (Some(byte), Some(last)) = (whole.line.get_mut(whole.mark_at), piece.mark.first()) {
            *byte = *last;
        }
        Some(whole)
    }

    /// Takes the texts for which `which` is true.
    pub(super) fn take(&mut self, which: impl Fn(&Open) -> bool) -> Vec<Open> {
        let all = std::mem::take(&mut self.open);
        let (taken, kept) = all.into_iter().partition(which);
        self.open = kept;
        taken
    }
}

/// How far to look back for the last piece of each stream. The open piece of a stream that is
/// silent for longer is not found: its text is a record by itself, and what follows is another one.
pub(super) const LOOK_BACK_BYTES: u64 = 256 << 10;

/// Whether a look back from `end` finds the piece that begins at `offset`.
pub(super) fn is_found(offset: u64, end: u64) -> bool {
    offset + LOOK_BACK_BYTES > end
}
