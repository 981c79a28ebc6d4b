//! A checksum of bytes that were read, in any order and any pieces.
//!
//! A measurement that does not look at its bytes may measure nothing. This looks at every
//! byte and costs little compared with a copy: it adds up 64-bit words in lanes, once
//! plainly and once weighted by their index (a Fletcher sum, which vectorises), and mixes both
//! sums with the number of their 4 KiB block in the file.
//!
//! All of it is linear in the words, so a range gives the same value whole or in pieces,
//! in order or not, on one thread or on many. A change of any one byte, and of the offset
//! of a word, always shows: a word's weight is an odd number, which has an inverse. It is no
//! defence against deliberate deception.

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
mod tests {
    use super::*;

    fn sample(len: usize, seed: u64) -> Vec<u8> {
        (0..len as u64).map(|i| (mix(i ^ seed) >> 56) as u8).collect()
    }

    fn whole(offset: u64, bytes: &[u8]) -> Checksum {
        let mut sum = Checksum::new();
        sum.add(offset, bytes);
        sum
    }

    #[test]
    fn pieces_in_any_order_give_the_value_of_the_whole() {
        let bytes = sample(3 * BLOCK + 77, 1);
        for offset in [0, 1, 7, 8, 4095, 4096, 123_457] {
            let expected = whole(offset, &bytes);
            for cut in [1, 3, 8, 63, 64, 65, 511, 4096, 5000] {
                let mut pieces: Vec<_> = bytes.chunks(cut).enumerate().collect();
                pieces.reverse();
                let (mut a, mut b) = (Checksum::new(), Checksum::new());
                for (i, piece) in pieces {
                    let side = if i % 2 == 0 { &mut a } else { &mut b };
                    side.add(offset + (i * cut) as u64, piece);
                }
                a.merge(b);
                assert_eq!(a, expected, "offset {offset}, pieces of {cut}");
            }
        }
    }

    #[test]
    fn each_byte_counts() {
        let bytes = sample(BLOCK + 200, 2);
        let expected = whole(3, &bytes);
        for i in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[i] ^= change;
                assert_ne!(whole(3, &changed), expected, "byte {i} ^ {change:#x}");
            }
        }
    }

    #[test]
    fn the_offset_counts_even_of_zeros() {
        for bytes in [sample(4096, 3), vec![0; 4096]] {
            let expected = whole(8192, &bytes);
            for offset in [0, 8191, 8193, 8200, 8256, 4096, 12_288] {
                assert_ne!(whole(offset, &bytes), expected, "offset {offset}");
            }
        }
    }

    #[test]
    fn zeros_that_are_missing_or_read_twice_show() {
        let one = whole(0, &[0; 4096]);
        let mut twice = one;
        twice.merge(one);
        assert_ne!(one, Checksum::new());
        assert_ne!(one, twice);
        assert_ne!(one, whole(0, &[0; 4095]));
    }

    #[test]
    fn swapped_words_and_swapped_blocks_show() {
        let bytes = sample(2 * BLOCK, 4);
        let expected = whole(0, &bytes);
        for (a, b) in [(0, 8), (0, 64), (8, 520), (0, 4096)] {
            let mut swapped = bytes.clone();
            for i in 0..8 {
                swapped.swap(a + i, b + i);
            }
            assert_ne!(whole(0, &swapped), expected, "words at {a} and {b}");
        }
    }

    #[test]
    fn the_value_is_the_same_on_every_host_and_in_every_release() {
        assert_eq!(whole(4096 + 5, &sample(10_000, 5)).to_string(), "7a9b1d674c4f3e0a");
    }
}
