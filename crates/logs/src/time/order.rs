//! Whether a log writes the day or the month first.

/// Whether dates like `02/01/2026` in these lines have the day first: the order that a number over 12
/// proves in more of them. `None` where nothing proves one.
#[must_use]
pub fn find_day_first(sample: &[u8]) -> Option<bool> {
    let (mut day_first, mut month_first) = (0_usize, 0_usize);
    for at in memchr::memchr3_iter(b'/', b'.', b'-', sample) {
        match date_at(sample, at) {
            Some((13..=31, 1..=12)) => day_first += 1,
            Some((1..=12, 13..=31)) => month_first += 1,
            _ => {}
        }
    }
    (day_first != month_first).then_some(day_first > month_first)
}

/// The two numbers before the year of a date whose first mark is at `mark`.
fn date_at(text: &[u8], mark: usize) -> Option<(u8, u8)> {
    let before = &text[..mark];
    let first_length = before.iter().rev().take(3).take_while(|b| b.is_ascii_digit()).count();
    let first = short(&before[mark - first_length..])?;
    let after = &text[mark + 1..];
    let second_length = digits(after);
    let second = short(&after[..second_length])?;
    let rest = after[second_length..].strip_prefix(&text[mark..=mark])?;
    let starts = !before[..mark - first_length].ends_with(&text[mark..=mark]);
    (digits(rest) == 4 && starts).then_some((first, second))
}

/// How many digits `text` begins with, up to 5.
fn digits(text: &[u8]) -> usize {
    text.iter().take(5).take_while(|b| b.is_ascii_digit()).count()
}

/// A number of one or two digits.
fn short(digits: &[u8]) -> Option<u8> {
    match digits {
        [one] => Some(one - b'0'),
        [ten, one] => Some((ten - b'0') * 10 + (one - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::find_day_first;

    #[test]
    fn a_number_over_twelve_proves_the_order() {
        let cases: [(&str, Option<bool>); 7] = [
            ("02/01/2026 a\n13/01/2026 b\n", Some(true)),
            ("1/2/2026 a\n1/13/2026 b\n", Some(false)),
            ("02.01.2026 a\n03.01.2026 b\n", None),
            ("2026-01-13 a\n2026/01/13 b\n", None),
            ("10.13.2026.1 is an address or not\n", Some(false)),
            ("41/01/2026 1/13/26 13/01/20261\n", None),
            ("", None),
        ];
        for (sample, expected) in cases {
            assert_eq!(find_day_first(sample.as_bytes()), expected, "{sample}");
        }
    }
}
