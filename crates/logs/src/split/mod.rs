//! Cutting files into lines: every line exactly once, whatever the number of threads.
//!
//! A line belongs to the piece in which it begins. A thread that takes a piece skips to the first line
//! that begins there, and reads past the piece's end to finish its last line. So threads need no
//! agreement on pieces, and no look at the file ahead of time.

mod blocks;
mod decode;
mod elements;
mod kind;
mod otlp;
mod queue;
mod records;
mod source;
mod utf16;

pub use blocks::{Block, BlockSink, Blocks};
pub use elements::is_elements;
pub use kind::{COMPRESSED_ENDS, InputKind};
pub(crate) use queue::read_task;
pub use queue::{Stop, Task, Worker, decodes_beside, run_workers};
pub use records::{RECORD_BYTES_MAX, RECORD_LINES_MAX, kept_lines};
pub use source::{Input, ReadAt};
pub use utf16::Utf16Order;

use cutwater_sys::simd::{Level, count_byte};

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

/// The lines of `bytes`, which are whole lines; the last one may lack its line feed.
#[must_use]
pub fn lines_in(bytes: &[u8]) -> u64 {
    let feeds = count_byte(Level::best(), bytes, b'\n');
    feeds + u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n"))
}

#[cfg(test)]
mod tests;
