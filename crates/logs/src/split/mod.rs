//! Cutting files into lines: every line exactly once, whatever the number of threads.
//!
//! A line belongs to the piece in which it begins. Whoever takes a piece skips to the first
//! line that begins there and reads past the piece's end to finish its last line, so pieces
//! need no agreement between threads and no look at the file ahead of time.

mod blocks;
mod queue;
mod source;

pub use blocks::{Block, BlockSink, Blocks};
pub(crate) use queue::read_task;
pub use queue::{Stop, Task, Worker, run};
pub use source::{Input, InputKind, ReadAt};

/// The bounds of splitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one thread takes at a time.
    pub piece_bytes: u64,
    /// Bytes read at a time: small enough to stay in a core's cache while it is parsed.
    pub block_bytes: usize,
    /// The longest line, without its end; longer ones are reported and skipped. Never less
    /// than a block.
    pub line_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { piece_bytes: 4 << 20, block_bytes: 256 << 10, line_bytes_max: 16 << 20 }
    }
}

#[cfg(test)]
mod tests;
