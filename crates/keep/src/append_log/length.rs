//! The lengths that a log can have, and the check that goes with each.

/// Bytes before the first record: one page, so that the lines in it are apart.
pub(super) const HEADER_BYTES: u64 = 4096;
/// Records begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

/// Whether a log can be this long.
pub(super) fn is_length(len: u64) -> bool {
    len >= HEADER_BYTES && len.is_multiple_of(ALIGN) && i64::try_from(len).is_ok()
}

/// The word that goes with a length, so that a torn, spoiled or never written one is known.
pub(super) fn check_of(id: u64, len: u64) -> u64 {
    let mixed = (len ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ !id
}
