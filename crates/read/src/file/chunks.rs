//! A pass over a file in order.

use std::ops::{ControlFlow, RangeBounds};

use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::OFFSET_MAX;

use super::{File, bounds};
use crate::error::{Action, Error};
use crate::file::engine::PIECE_BYTES_MAX;
use crate::{Order, Result};

/// Bytes of a chunk at most.
const CHUNK_BYTES_MAX: usize = 64 << 20;

/// A pass in order; see [`File::chunks`].
#[derive(Debug)]
pub struct Chunks {
    file: File,
    next: u64,
    end: u64,
    chunk_bytes: usize,
    buf: Buffer,
}

impl File {
    /// A pass over `range` (`..` is the whole file), in order, in chunks of `chunk_bytes` (1 to
    /// 64 MiB; the last may be shorter). Chunks are lent, so memory is bounded by one chunk. The
    /// kernel reads ahead while the caller works; to have more in flight, use
    /// [`File::for_each_chunk`].
    ///
    /// # Errors
    /// When there is no memory for a chunk.
    pub fn chunks(&self, range: impl RangeBounds<u64>, chunk_bytes: usize) -> Result<Chunks> {
        let range = bounds(&range);
        let chunk_bytes = chunk_bytes.clamp(1, CHUNK_BYTES_MAX);
        let action = Action::Read { offset: range.start, len: chunk_bytes as u64 };
        let buf = Buffer::new(chunk_bytes).map_err(|e| Error::os(action, self.0.path(), e))?;
        Ok(Chunks { file: self.clone(), next: range.start, end: range.end, chunk_bytes, buf })
    }

    /// A pass over `range` (`..` is the whole file), in order, that lends each chunk to `sink`
    /// with its offset while the next ones are in flight: the fastest way through a cold file.
    /// Chunks are `chunk_bytes` long (1 to 1 MiB), the last may be shorter. Memory is bounded as
    /// for [`File::read_ranges`]. Returns the bytes handed over.
    ///
    /// # Errors
    /// As [`File::read_at`].
    pub fn for_each_chunk(
        &self,
        range: impl RangeBounds<u64>,
        chunk_bytes: usize,
        mut sink: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<u64> {
        let range = bounds(&range);
        let step = chunk_bytes.clamp(1, PIECE_BYTES_MAX) as u64;
        // Files of /proc say 0 and yet have bytes: they end where a read returns none.
        let size = match self.size()? {
            0 => OFFSET_MAX,
            size => size,
        };
        let end = range.end.min(size.max(range.start));
        let (mut at, mut bytes) = (range.start, 0);
        let mut list = Vec::with_capacity(LISTED_MAX);
        while at < end {
            list.clear();
            let starts = (at..end).step_by(step as usize).take(LISTED_MAX);
            list.extend(starts.map(|start| start..(start + step).min(end)));
            at = list.last().map_or(end, |last| last.end);
            let done = self.read_ranges(&list, Order::Listed, |piece| {
                // The file may have become shorter.
                if piece.bytes.is_empty() {
                    return ControlFlow::Break(());
                }
                sink(piece.offset, piece.bytes)
            })?;
            bytes += done.bytes;
            if done.stopped || done.short > 0 {
                break;
            }
        }
        Ok(bytes)
    }
}

/// Chunks that are listed at a time.
const LISTED_MAX: usize = 1024;

impl Chunks {
    /// The next chunk with its offset, or `None` at the end of the range or of the file.
    ///
    /// # Errors
    /// As [`File::read_at`]. The same chunk may be asked for again.
    #[expect(clippy::should_implement_trait, reason = "a lent chunk does not fit Iterator")]
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        let left = self.end.saturating_sub(self.next);
        let want = left.min(self.chunk_bytes as u64) as usize;
        let at = self.next;
        let n = self.file.stream_at(&mut self.buf.as_mut_slice()[..want], at)?;
        self.next += n as u64;
        Ok((n > 0).then(|| (at, &self.buf.as_slice()[..n])))
    }
}
