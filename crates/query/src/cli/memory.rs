//! Sizes of memory.

use std::str::FromStr;

/// Bytes, as in `512M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) usize);

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size; try 512M or 4G");
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
    fn sizes_have_binary_units() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("512M", 512 << 20), ("4GiB", 4 << 30)] {
            assert_eq!(text.parse(), Ok(Memory(bytes)), "{text}");
        }
        for not in ["", "0", "M", "-1", "1.5G", "99999999999G", "4X"] {
            assert!(not.parse::<Memory>().is_err_and(|e| e.contains("512M")), "{not}");
        }
    }
}
