//! Short texts and decimal numbers, eight bytes at a time.
//!
//! The numbers of logs have few digits, and how many cannot be predicted: a loop over them costs one
//! mispredicted branch per number. Here the only questions are whether there are at most eight bytes
//! and whether one of them is a point (Lemire, "Number parsing at a gigabyte per second", 2021,
//! section 4).

/// A text of up to eight bytes as a number, which no other text without NUL bytes has.
#[inline]
#[must_use]
pub(crate) const fn pack(text: &[u8]) -> Option<u64> {
    let (mut packed, mut at) = (0, 0);
    if text.len() > 8 {
        return None;
    }
    while at < text.len() {
        packed |= (text[at] as u64) << (8 * at);
        at += 1;
    }
    Some(packed)
}

/// The longest number that is read here, with its point.
pub(super) const BYTES_MAX: usize = 8;

/// `block[start..end]` as a number without sign and exponent: its digits as one number, and how
/// many of them come after the point. `None` where it is longer than [`BYTES_MAX`], begins or ends
/// with a point, is not such a number, or is among the last bytes of the block.
#[inline(always)]
pub(super) fn decimal(block: &[u8], start: usize, end: usize) -> Option<(u32, u32)> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let length = end.wrapping_sub(start);
    let eight = u64::from_le_bytes(*block.get(start..)?.first_chunk()?);
    if length.wrapping_sub(1) >= BYTES_MAX {
        return None;
    }
    // The number's last byte becomes the highest one; below its first one come zeros.
    let values = (eight ^ 0x3030_3030_3030_3030) << (64 - 8 * length);
    // The high bit of each byte that is above nine.
    let others = ((values & !HIGH).wrapping_add(0x7676_7676_7676_7676) | values) & HIGH;
    if others == 0 {
        return Some((eight_digits(values), 0));
    }
    let at = others.trailing_zeros() / 8;
    let point = 0xFF_u64 << (8 * at);
    let is_point = values & point == u64::from(b'.' ^ b'0') << (8 * at);
    let inside = at as usize + length > BYTES_MAX && at < 7;
    if !is_point || !inside || others & !point != 0 {
        return None;
    }
    // What is before the point moves over it.
    let before = values & ((1 << (8 * at)) - 1);
    let behind = values & !(point | (point - 1));
    Some((eight_digits(before << 8 | behind), 7 - at))
}

/// Eight values from 0 to 9 as one number, the lowest byte first.
#[inline(always)]
fn eight_digits(values: u64) -> u32 {
    const PAIR: u64 = 0x0000_00FF_0000_00FF;
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    // Millions and hundreds, then ten thousands and ones.
    let high = (pairs & PAIR).wrapping_mul(0x000F_4240_0000_0064);
    let low = (pairs >> 16 & PAIR).wrapping_mul(0x0000_2710_0000_0001);
    (high.wrapping_add(low) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The number at some place of a block.
    fn placed(before: &str, text: &str, after: &str) -> Option<(u32, u32)> {
        let block = format!("{before}{text}{after}");
        decimal(block.as_bytes(), before.len(), before.len() + text.len())
    }

    proptest! {
        #[test]
        fn digits_and_their_point_are_found_whatever_is_around_them(
            text in "[0-9]{1,8}|[0-9]{1,3}\\.[0-9]{1,4}|[0-9]{1,6}\\.[0-9]",
            before in "[0-9.,:a-z]{0,9}",
            after in "[0-9.,:}a-z]{7,12}",
        ) {
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let digits = format!("{whole}{fraction}").parse::<u32>().ok();
            let expected = digits.map(|d| (d, fraction.len() as u32));
            prop_assert_eq!(placed(&before, &text, &after), expected);
        }

        #[test]
        fn anything_else_is_left_to_others(text in ".{0,9}") {
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
            let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            let is_number = digits(whole) && digits(fraction) && text.len() <= BYTES_MAX;
            prop_assert_eq!(placed("", &text, "\"        ").is_some(), is_number);
        }
    }

    #[test]
    fn each_byte_that_is_no_digit_is_seen_at_each_place() {
        for at in 0..8 {
            for byte in (0..=u8::MAX).filter(|b| !b.is_ascii_digit() && *b != b'.') {
                let mut block = *b"12345678";
                block[at] = byte;
                assert_eq!(decimal(&block, 0, 8), None, "{byte:#x} at {at}");
            }
        }
        for text in [".", "1.", ".1", "1..2", "1.2.3", "-1", "+1", "1e3"] {
            assert_eq!(placed("7", text, "7        "), None, "{text}");
        }
        assert_eq!(decimal(b"1234567", 0, 7), None, "too near to the end of the block");
        assert_eq!(decimal(b"12345678", 3, 2), None);
        assert_eq!(decimal(b"12345678", 9, 12), None);
    }
}
