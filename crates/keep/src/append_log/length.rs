//! The lengths that a log can have, and the check that goes with each.

/// Bytes before the first record: one page, so that the lines in it are apart.
pub(super) const HEADER_BYTES: u64 = 4096;
/// Records begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

/// Whether a log can be this long.
pub(super) fn is_length(len: u64) -> bool {
    len >= HEADER_BYTES && len.is_multiple_of(ALIGN) && i64::try_from(len).is_ok()
}

const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9];
const INVERSES: [u64; 2] = [inverse(FACTORS[0]), inverse(FACTORS[1])];

/// The word that goes with a length, so that a torn, spoiled or never written one is known.
pub(super) fn check_of(id: u64, len: u64) -> u64 {
    let mixed = (len ^ id).wrapping_mul(FACTORS[0]);
    (mixed ^ (mixed >> 29)).wrapping_mul(FACTORS[1]) ^ !id
}

/// The length of a check, which recovers a damaged length.
pub(super) fn length_of(id: u64, check: u64) -> u64 {
    let shifted = (check ^ !id).wrapping_mul(INVERSES[1]);
    let mixed = shifted ^ (shifted >> 29) ^ (shifted >> 58);
    mixed.wrapping_mul(INVERSES[0]) ^ id
}

/// The inverse of an odd factor modulo 2^64, by Newton's method: three bits are correct at first,
/// and each step doubles them.
const fn inverse(factor: u64) -> u64 {
    let (mut inverse, mut step) = (factor, 0);
    while step < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(factor.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_gives_its_length_back() {
        for id in [0, 1, 0xdead_beef_0123_4567, u64::MAX] {
            for len in [0, 4096, 4104, 1 << 40, u64::MAX] {
                assert_eq!(length_of(id, check_of(id, len)), len, "{id:x} {len}");
            }
        }
    }
}
