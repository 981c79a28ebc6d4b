//! Finding the lines that may pass, by their raw bytes, before anything is parsed.

use super::literals::Searcher;

/// Finds lines with one of some literals in them, and lines with a backslash, where one may be
/// written with escapes.
#[derive(Debug)]
pub(super) struct Prefilter {
    searcher: Searcher,
    escapes: bool,
    /// Where the next literal and the next backslash of the block are; the block's length where no
    /// more follow.
    literal_at: usize,
    escape_at: usize,
}

impl Prefilter {
    /// Nothing where the search cannot be built; then every line may pass.
    pub(super) fn new(literals: &[&[u8]], escapes: bool) -> Option<Self> {
        let searcher = Searcher::new(literals)?;
        Some(Self { searcher, escapes, literal_at: 0, escape_at: 0 })
    }

    /// A new block begins.
    pub(super) fn begin_block(&mut self, block: &[u8]) {
        self.literal_at = self.find_literal(block, 0);
        self.escape_at = self.find_escape(block, 0);
    }

    fn find_literal(&self, block: &[u8], from: usize) -> usize {
        self.searcher.find(block, from).unwrap_or(block.len())
    }

    fn find_escape(&self, block: &[u8], from: usize) -> usize {
        if !self.escapes {
            return block.len();
        }
        memchr::memchr(b'\\', &block[from..]).map_or(block.len(), |at| from + at)
    }

    /// Where the next line that may pass begins, at or after `from`, itself a line's start.
    pub(super) fn next(&mut self, block: &[u8], from: usize) -> Option<usize> {
        if self.literal_at < from {
            self.literal_at = self.find_literal(block, from);
        }
        if self.escape_at < from {
            self.escape_at = self.find_escape(block, from);
        }
        let at = self.literal_at.min(self.escape_at);
        if at >= block.len() {
            return None;
        }
        Some(memchr::memrchr(b'\n', &block[from..at]).map_or(from, |feed| from + feed + 1))
    }
}
