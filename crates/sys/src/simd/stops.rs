//! The offsets at which a scan over plain JSON text has to stop: the index of the parser of JSON lines.

use super::{BLOCK_BYTES, Level};

/// Entries after the last offset, so that a fixed number can be read at any offset.
const PADDING: usize = 8;

/// Offsets are written in groups of this many, even where there are fewer: a loop over the bits
/// that are set would end with a branch that cannot be predicted.
pub(super) const GROUP: usize = 16;

/// The offsets of the bytes of a text that a JSON parser must look at: quotation marks,
/// backslashes, bytes below 0x20 and, on request, bytes above 0x7F.
#[derive(Debug, Clone, Default)]
pub struct JsonStops {
    offsets: Vec<u32>,
    count: usize,
}

/// The stops of one block, a bit for each byte.
#[derive(Clone, Copy)]
pub(super) struct BlockStops {
    /// Quotation marks, backslashes, bytes below 0x20.
    pub(super) plain: u64,
    /// Bytes above 0x7F.
    pub(super) high: u64,
}

impl JsonStops {
    /// Finds the stops of `bytes`, which must be shorter than 4 GiB; bytes above 0x7F are stops only
    /// with `high`. Returns whether there are bytes above 0x7F.
    pub fn fill(&mut self, level: Level, bytes: &[u8], high: bool) -> bool {
        self.count = 0;
        let any_high = super::json_stops(level, bytes, high, self);
        self.room();
        self.offsets[self.count..self.count + PADDING].fill(u32::MAX);
        any_high
    }

    /// The offsets in ascending order, followed by some of `u32::MAX`.
    #[inline]
    #[must_use]
    pub fn offsets(&self) -> &[u32] {
        self.offsets.get(..self.count + PADDING).unwrap_or_default()
    }

    /// Calls `compare` for each block, the last one padded with spaces. `write` puts the offsets of at
    /// least the first [`GROUP`] bits of the result into a group and returns the other bits.
    #[inline(always)]
    pub(super) fn scan(
        &mut self,
        bytes: &[u8],
        high: bool,
        compare: impl Fn(&[u8; BLOCK_BYTES]) -> BlockStops,
        write: impl Fn(u32, u64, &mut [u32; GROUP]) -> u64,
    ) -> bool {
        let keep = if high { u64::MAX } else { 0 };
        let mut any_high = 0;
        let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
        for (at, block) in blocks.iter().enumerate() {
            let found = compare(block);
            any_high |= found.high;
            self.push((at * BLOCK_BYTES) as u32, found.plain | (found.high & keep), &write);
        }
        if !tail.is_empty() {
            let mut padded = [b' '; BLOCK_BYTES];
            padded[..tail.len()].copy_from_slice(tail);
            let found = compare(&padded);
            any_high |= found.high;
            let base = (blocks.len() * BLOCK_BYTES) as u32;
            self.push(base, found.plain | (found.high & keep), &write);
        }
        any_high != 0
    }

    #[inline(always)]
    fn push(&mut self, base: u32, stops: u64, write: &impl Fn(u32, u64, &mut [u32; GROUP]) -> u64) {
        self.room();
        let mut rest = stops;
        for group in self.offsets[self.count..].as_chunks_mut().0 {
            rest = write(base, rest, group);
            if rest == 0 {
                break;
            }
        }
        self.count += stops.count_ones() as usize;
    }

    /// Makes room for all stops of a block, in whole groups.
    #[inline(always)]
    fn room(&mut self) {
        if self.offsets.len() - self.count < BLOCK_BYTES + GROUP {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.offsets.len() * 2).max(4096);
        self.offsets.resize(len, 0);
    }
}

/// Writes the first offsets of `bits`, one by one.
#[inline(always)]
pub(super) fn write_each(base: u32, mut bits: u64, group: &mut [u32; GROUP]) -> u64 {
    for stop in group {
        *stop = base.wrapping_add(bits.trailing_zeros());
        bits &= bits.wrapping_sub(1);
    }
    bits
}
