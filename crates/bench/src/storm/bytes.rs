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
