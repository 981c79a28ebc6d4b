//! What the file of the storm may hold: at each place one byte that is never 0, or a hole.

/// Bytes of the file at its longest: 256 pages.
pub(super) const SIZE_MAX: u64 = 1 << 20;

/// The byte that belongs at `offset`; never 0, which is what holes read as.
pub(super) fn at(offset: u64) -> u8 {
    ((offset ^ (offset >> 9)) % 255) as u8 + 1
}

/// Bytes of `found`, read at `offset`, that are neither a hole's nor those that belong there.
pub(super) fn wrong(found: &[u8], offset: u64) -> u64 {
    let is_wrong = |(i, byte): (usize, &u8)| *byte != 0 && *byte != at(offset + i as u64);
    found.iter().enumerate().filter(|found| is_wrong(*found)).count() as u64
}

/// Random numbers from a seed: xorshift64*.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // 0 would stay 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_right_bytes_are_no_error_and_others_are() {
        let right: Vec<u8> = (700..900).map(at).collect();
        assert_eq!(wrong(&right, 700), 0);
        assert_eq!(wrong(&[0; 100], 700), 0);
        assert!(wrong(&right, 701) > 190);
        assert!(right.iter().all(|&b| b != 0));
    }
}
