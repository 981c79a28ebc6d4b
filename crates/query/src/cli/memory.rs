//! Sizes of memory.

use std::str::FromStr;

/// Bytes, as in `512M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) usize);

/// What the program has resident besides what queries hold: its own pages (half of it), blocks
/// being read, and batches on their way. Measured as peak RSS with a pool that held nothing.
const OWN_BYTES: usize = 32 << 20;

/// Blocks of this size go back to the system when they are freed. The buffers of batches, hash
/// tables and merges are larger, and stayed resident on heaps: a group-by over 1.2 million texts
/// had 150 to 196 MiB with 128M, and has 105, for 15 % of its time.
pub(crate) const LARGE_BLOCK_BYTES: usize = 256 << 10;

impl Memory {
    /// What queries may hold, so that the process stays near this size; half of it if the size has no
    /// room for the program itself.
    pub(crate) fn for_queries(self) -> usize {
        (self.0 / 2).max(self.0.saturating_sub(OWN_BYTES))
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size; try 512M or 4G");
        let trimmed = text.trim().trim_end_matches(['B', 'b']).trim_end_matches('i');
        let (digits, shift) = match trimmed.char_indices().last() {
            Some((at, 'k' | 'K')) => (&trimmed[..at], 10),
            Some((at, 'm' | 'M')) => (&trimmed[..at], 20),
            Some((at, 'g' | 'G')) => (&trimmed[..at], 30),
            _ => (trimmed, 0),
        };
        let number: usize = digits.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).filter(|n| *n > 0).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn the_program_has_its_part_of_the_memory() {
        let of = |mib: usize| Memory(mib << 20).for_queries() >> 20;
        assert_eq!([of(1024), of(128), of(64), of(2)], [992, 96, 32, 1]);
    }

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("512M", 512 << 20), ("4GiB", 4 << 30)] {
            assert_eq!(text.parse(), Ok(Memory(bytes)), "{text}");
        }
        for not in ["", "0", "M", "-1", "1.5G", "99999999999G", "4X"] {
            assert!(not.parse::<Memory>().is_err_and(|e| e.contains("512M")), "{not}");
        }
    }
}
