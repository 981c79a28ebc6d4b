//! A checksum of bytes that were read, in any order and any pieces.
//!
//! A measurement that does not look at its bytes may measure nothing. This looks at every
//! byte and costs little compared with a copy: it adds up 64-bit words in lanes, once
//! plainly and once weighted by their index (a Fletcher sum, which vectorises), and mixes both
//! sums with the number of their 4 KiB block in the file.
//!
//! All of it is linear in the words, so a range gives the same value whole or in pieces,
//! in order or not, on one thread or on many. A change of any one byte, and of the offset
//! of a word, always shows: a word's weight is an odd number, which has an inverse. It does
//! not protect against deliberate deception.

use std::fmt;

/// Bytes of a word.
const WORD: usize = 8;
/// Bytes of the file that share their mixing keys.
const BLOCK: usize = 4096;
/// Words added in parallel.
const LANES: usize = 8;

/// A checksum over (offset, bytes) pairs in no order; equal sets give equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checksum(u64);

impl Checksum {
    /// The checksum of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes` that were read at `offset` of the file.
    pub fn add(&mut self, offset: u64, bytes: &[u8]) {
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let within = (offset % BLOCK as u64) as usize;
            let (now, later) = rest.split_at(rest.len().min(BLOCK - within));
            self.0 = self.0.wrapping_add(Sums::new(within, now).mixed(offset / BLOCK as u64));
            offset = offset.wrapping_add(now.len() as u64);
            rest = later;
        }
    }

    /// Adds all bytes of `other`.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// The value: equal for equal reads.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The sums within one block.
struct Sums {
    /// The sum of the words.
    plain: u64,
    /// The sum of the words, each times its index in the block.
    placed: u64,
    /// The sum of the bytes' positions, each plus one: it separates zeros that were read from no bytes.
    presence: u64,
}

impl Sums {
    /// The sums of `bytes`, which start `within` the block and do not leave it.
    fn new(within: usize, bytes: &[u8]) -> Self {
        let len = bytes.len() as u64;
        let first = within as u64 + 1;
        let mut sums =
            Self { plain: 0, placed: 0, presence: len * first + len * len.saturating_sub(1) / 2 };
        let head = (WORD - within % WORD) % WORD;
        let (head, body) = bytes.split_at(head.min(bytes.len()));
        sums.add_partial(within, head);
        let whole = body.len() / WORD * WORD;
        let (body, tail) = body.split_at(whole);
        let at = within + head.len();
        sums.add_words((at / WORD) as u64, body);
        sums.add_partial(at + whole, tail);
        sums
    }

    /// Adds bytes of one word, from `within` the block on.
    fn add_partial(&mut self, within: usize, bytes: &[u8]) {
        let mut word = [0; WORD];
        let start = within % WORD;
        word[start..start + bytes.len()].copy_from_slice(bytes);
        self.add_word((within / WORD) as u64, u64::from_le_bytes(word));
    }

    fn add_word(&mut self, index: u64, word: u64) {
        self.plain = self.plain.wrapping_add(word);
        self.placed = self.placed.wrapping_add(index.wrapping_mul(word));
    }

    /// Adds whole words, the first at `index` of the block.
    fn add_words(&mut self, index: u64, bytes: &[u8]) {
        let (rows, rest) = bytes.as_chunks::<{ WORD * LANES }>();
        let (mut sum, mut running) = ([0u64; LANES], [0u64; LANES]);
        for row in rows {
            let (words, _) = row.as_chunks::<WORD>();
            for lane in 0..LANES {
                sum[lane] = sum[lane].wrapping_add(u64::from_le_bytes(words[lane]));
                running[lane] = running[lane].wrapping_add(sum[lane]);
            }
        }
        // A word of row r was added to `running` (rows - r) times.
        let rows = rows.len() as u64;
        for lane in 0..LANES {
            let by_row = rows.wrapping_mul(sum[lane]).wrapping_sub(running[lane]);
            let first = (index + lane as u64).wrapping_mul(sum[lane]);
            self.plain = self.plain.wrapping_add(sum[lane]);
            self.placed =
                self.placed.wrapping_add(first).wrapping_add(by_row.wrapping_mul(LANES as u64));
        }
        let next = index + rows * LANES as u64;
        for (i, word) in rest.as_chunks::<WORD>().0.iter().enumerate() {
            self.add_word(next + i as u64, u64::from_le_bytes(*word));
        }
    }

    /// Both sums under the keys of block number `block`. The first key is odd and the
    /// second even, so that every word's weight is odd.
    fn mixed(&self, block: u64) -> u64 {
        let odd = mix(block) | 1;
        let even = mix(!block) & !1;
        (self.plain.wrapping_mul(odd))
            .wrapping_add(self.placed.wrapping_mul(even))
            .wrapping_add(self.presence.wrapping_mul(odd.rotate_left(32) | 1))
    }
}

/// The finaliser of splitmix64: every bit of the input moves every bit of the output.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests;
