//! Times of day.

use jiff::civil::Time;

/// A time of day and nothing else: `10:03`, `9:03:05.5`.
#[must_use]
pub fn time_of_day(text: &str) -> Option<Time> {
    let text = text.trim();
    let hour = text.split_once(':')?.0;
    let are_digits = (1..=2).contains(&hour.len()) && hour.bytes().all(|b| b.is_ascii_digit());
    let two_digits = || format!("{text:0>width$}", width = text.len() + 2 - hour.len());
    if are_digits { two_digits().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_no_date() {
        let at = |hour, minute, second| Time::new(hour, minute, second, 0).ok();
        for (text, expected) in [
            ("10:03", at(10, 3, 0)),
            (" 9:03:05 ", at(9, 3, 5)),
            ("25:00", None),
            ("10", None),
            ("2026-03-01T10:03", None),
            ("yesterday", None),
            ("10.0.0.1:80", None),
        ] {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }
}
