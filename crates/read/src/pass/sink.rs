//! Cuts what was read back into the caller's ranges and lends it.

use std::ops::{ControlFlow, Range};

use crate::plan::Item;
use crate::{Piece, Summary};

/// The caller's callback, with the count of what it got.
pub(crate) struct Sink<'a, F> {
    ranges: &'a [Range<u64>],
    callback: F,
    pub(crate) summary: Summary,
}

impl<'a, F: FnMut(Piece<'_>) -> ControlFlow<()>> Sink<'a, F> {
    pub(crate) fn new(ranges: &'a [Range<u64>], callback: F) -> Self {
        Self { ranges, callback, summary: Summary::default() }
    }

    /// Hands over `bytes`, which were read from `item.start` on and are fewer than the item is
    /// long only where the file ends.
    pub(crate) fn hand_over(&mut self, item: &Item, bytes: &[u8]) -> ControlFlow<()> {
        if item.count == 1 {
            return self.lend(item.first, item.start, bytes, item.len(), item.last);
        }
        for index in item.first..item.first + item.count {
            let range = &self.ranges[index];
            let (len, from) =
                ((range.end - range.start) as usize, (range.start - item.start) as usize);
            let part = &bytes[from.min(bytes.len())..(from + len).min(bytes.len())];
            self.lend(index, range.start, part, len, true)?;
        }
        ControlFlow::Continue(())
    }

    /// Lends the bytes of one range, or of a piece of it.
    pub(crate) fn lend(
        &mut self,
        index: usize,
        offset: u64,
        bytes: &[u8],
        asked: usize,
        last: bool,
    ) -> ControlFlow<()> {
        let is_short = bytes.len() < asked;
        // Pieces after the one in which the file ended are empty: only the last is handed over.
        if bytes.is_empty() && !last {
            return ControlFlow::Continue(());
        }
        self.summary.bytes += bytes.len() as u64;
        if last {
            self.summary.ranges += 1;
            self.summary.short += u64::from(is_short);
        }
        let flow = (self.callback)(Piece { index, offset, bytes, last });
        self.summary.stopped = flow.is_break();
        flow
    }
}
