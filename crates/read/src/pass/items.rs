//! From the caller's ranges to the reads that are made: neighbours together, long ones in pieces.

use std::ops::Range;

/// One read: either whole neighbouring ranges of the list, or a piece of one long range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    /// Index in the list of the first range in it.
    pub(crate) first: usize,
    /// Ranges in it.
    pub(crate) count: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Whether the (last) range ends with it.
    pub(crate) last: bool,
}

impl Item {
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Walks a list of ranges and yields reads of at most `piece_bytes_max`.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    ranges: &'a [Range<u64>],
    next: usize,
    /// How far into the next range earlier pieces have gone.
    into: u64,
    /// The file has ended in the next range: what is left of it is not worth reading.
    is_cut: bool,
    piece_bytes_max: u64,
    /// Neighbours are put together up to this many bytes; 0 leaves every range alone.
    coalesce_bytes_max: u64,
}

impl<'a> Items<'a> {
    pub(crate) fn new(ranges: &'a [Range<u64>], piece_bytes_max: usize, coalesce: usize) -> Self {
        let piece_bytes_max = piece_bytes_max.max(1) as u64;
        let coalesce_bytes_max = (coalesce as u64).min(piece_bytes_max);
        Self { ranges, next: 0, into: 0, is_cut: false, piece_bytes_max, coalesce_bytes_max }
    }

    /// Skips the ranges before `first`.
    pub(crate) fn starting_at(mut self, first: usize) -> Self {
        self.next = first;
        self
    }

    /// Ends the range `index`, some of whose pieces were yielded, with an empty last piece: the
    /// file has ended in it. A range may reach to 2^63, and that many empty pieces never end.
    pub(crate) fn cut(&mut self, index: usize) {
        self.is_cut = self.next == index && self.into > 0;
    }

    /// The end of a run of ranges that follow each other without a gap from `first` on.
    fn joined(&self, first: usize) -> (usize, u64) {
        let start = self.ranges[first].start;
        let mut end = self.ranges[first].end;
        let mut count = 1;
        while let Some(next) = self.ranges.get(first + count) {
            let joins = next.start == end && next.end >= next.start;
            if !joins || next.end - start > self.coalesce_bytes_max {
                break;
            }
            end = next.end;
            count += 1;
        }
        (count, end)
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let range = self.ranges.get(self.next)?;
        let first = self.next;
        let start = range.start + self.into;
        let left = if self.is_cut { 0 } else { range.end.saturating_sub(start) };
        self.is_cut = false;
        if left > self.piece_bytes_max {
            self.into += self.piece_bytes_max;
            let end = start + self.piece_bytes_max;
            return Some(Item { first, count: 1, start, end, last: false });
        }
        let whole = self.into == 0 && left > 0;
        self.into = 0;
        let (count, end) = if whole { self.joined(first) } else { (1, start + left) };
        self.next += count;
        Some(Item { first, count, start, end, last: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        ranges: &[Range<u64>],
        piece: usize,
        coalesce: usize,
        expected: &[(usize, usize, u64, u64, bool)],
    ) {
        let got: Vec<_> = Items::new(ranges, piece, coalesce)
            .map(|i| (i.first, i.count, i.start, i.end, i.last))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "callers may pass them")]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one range")]
    fn neighbours_join_and_long_ranges_split() {
        check(&[], 10, 10, &[]);
        check(&[0..4, 4..8, 8..12], 100, 8, &[(0, 2, 0, 8, true), (2, 1, 8, 12, true)]);
        check(&[0..4, 4..8], 100, 0, &[(0, 1, 0, 4, true), (1, 1, 4, 8, true)]);
        check(
            &[0..4, 5..8, 2..3],
            100,
            100,
            &[(0, 1, 0, 4, true), (1, 1, 5, 8, true), (2, 1, 2, 3, true)],
        );
        check(&[3..10], 3, 3, &[(0, 1, 3, 6, false), (0, 1, 6, 9, false), (0, 1, 9, 10, true)]);
        check(
            &[0..4, 4..30],
            10,
            10,
            &[
                (0, 1, 0, 4, true),
                (1, 1, 4, 14, false),
                (1, 1, 14, 24, false),
                (1, 1, 24, 30, true),
            ],
        );
        check(&[5..5, 9..2], 10, 10, &[(0, 1, 5, 5, true), (1, 1, 9, 9, true)]);
    }
}
