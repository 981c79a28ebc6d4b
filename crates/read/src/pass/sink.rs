//! Cuts what was read back into the caller's ranges and lends it.

use std::ops::{ControlFlow, Range};

use crate::pass::items::Item;
use crate::{Piece, Summary};

/// The caller's callback, with the count of what it got.
pub(crate) struct Sink<'a, F> {
    ranges: &'a [Range<u64>],
    callback: F,
    pub(crate) summary: Summary,
    /// The range in whose middle the file ended, and where.
    cut: Option<(usize, u64)>,
}

impl<'a, F: FnMut(Piece<'_>) -> ControlFlow<()>> Sink<'a, F> {
    pub(crate) fn new(ranges: &'a [Range<u64>], callback: F) -> Self {
        Self { ranges, callback, summary: Summary::default(), cut: None }
    }

    /// The range that the end of the file cut short and whose last piece is still to come.
    pub(crate) fn cut(&self) -> Option<usize> {
        self.cut.map(|(index, _)| index)
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
        let cut = self.cut.take().filter(|(cut, _)| *cut == index);
        let is_short = cut.is_some() || bytes.len() < asked;
        // After the piece in which the file ended, a range is over, even if the file has grown
        // since: bytes with a gap before them would pass for the wrong ones.
        let (bytes, offset) = cut.map_or((bytes, offset), |(_, end)| (&[][..], end));
        if is_short && !last {
            self.cut = Some((index, offset + bytes.len() as u64));
        }
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
