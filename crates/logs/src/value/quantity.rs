//! Durations and sizes: numbers with a unit.
//!
//! Durations are read as Go (`2m3.5s`), systemd (`1min 2.5s`) and ISO 8601 (`PT1.5S`) write them. Sizes have the
//! prefixes of the SI, which are powers of 1,000 (`kB`, `MB`), or those of IEC 80000-13, which are powers of
//! 1,024 (`KiB`, `MiB`). A letter alone (`10M`) is neither: programs mean both by it.

/// What a quantity measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Time; amounts are in nanoseconds.
    Duration,
    /// Memory; amounts are in bytes.
    Size,
}

/// A number with a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// Nanoseconds or bytes.
    pub amount: f64,
    /// What it measures.
    pub unit: Unit,
}

/// The longest text of a quantity.
const BYTES_MAX: usize = 64;

/// Digits of one number that are read exactly; with more, the nearest double is taken.
const DIGITS_EXACT: usize = 18;

const SECOND_NS: u64 = 1_000_000_000;

/// Units of durations, as Go, systemd.time(7) and people write them, in nanoseconds. Months and years
/// have no fixed length.
const DURATIONS: [(&[&str], u64); 8] = [
    (&["ns", "nsec", "nanosecond", "nanoseconds"], 1),
    (&["us", "\u{b5}s", "\u{3bc}s", "usec", "microsecond", "microseconds"], 1_000),
    (&["ms", "msec", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND_NS),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND_NS),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * SECOND_NS),
    (&["d", "day", "days"], 86_400 * SECOND_NS),
    (&["w", "week", "weeks"], 604_800 * SECOND_NS),
];

/// Units of sizes, in bytes. `Mb` is missing, as it means bits.
const SIZES: [(&[&str], u64); 13] = [
    (&["B", "byte", "bytes"], 1),
    (&["kB", "KB", "kb"], 1_000),
    (&["MB", "mb"], 1_000_000),
    (&["GB", "gb"], 1_000_000_000),
    (&["TB", "tb"], 1_000_000_000_000),
    (&["PB", "pb"], 1_000_000_000_000_000),
    (&["EB", "eb"], 1_000_000_000_000_000_000),
    (&["KiB", "kiB", "kib", "Ki"], 1 << 10),
    (&["MiB", "mib", "Mi"], 1 << 20),
    (&["GiB", "gib", "Gi"], 1 << 30),
    (&["TiB", "tib", "Ti"], 1 << 40),
    (&["PiB", "pib", "Pi"], 1 << 50),
    (&["EiB", "eib", "Ei"], 1 << 60),
];

/// The quantity that `text` is; `None` where it has no unit, or is anything else.
#[must_use]
pub fn parse_quantity(text: &[u8]) -> Option<Quantity> {
    // A quick check: every unit ends with a letter, and most texts do not begin like a number.
    let begins = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'P');
    let (first, last) = (*text.first()?, *text.last()?);
    if text.len() > BYTES_MAX || !begins(first) || !last.is_ascii_alphabetic() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let found = match rest.strip_prefix('P') {
        Some(parts) => iso(parts)?,
        None => in_units(rest)?,
    };
    // Unlike -amount, this makes no -0.0.
    Some(if negative { Quantity { amount: 0.0 - found.amount, ..found } } else { found })
}

/// One number and unit, or several of a duration, with or without a space between.
fn in_units(mut rest: &str) -> Option<Quantity> {
    let (mut total, mut unit_before) = (0.0, None);
    while !rest.is_empty() {
        let number;
        (number, rest) = number_of(rest, false)?;
        rest = rest.strip_prefix(' ').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '\u{b5}').unwrap_or(rest.len());
        let (unit, scale) = unit_of(&rest[..end])?;
        rest = &rest[end..];
        rest = rest.strip_prefix(' ').unwrap_or(rest);
        // A size has one part.
        if unit_before.is_some_and(|before| before == Unit::Size || unit == Unit::Size) {
            return None;
        }
        unit_before = Some(unit);
        total += number.times(scale);
    }
    Some(Quantity { amount: total, unit: unit_before? })
}

fn unit_of(name: &str) -> Option<(Unit, u64)> {
    let among = |units: &[(&[&str], u64)], unit: Unit| {
        let found = units.iter().find(|(names, _)| names.contains(&name));
        found.map(|&(_, scale)| (unit, scale))
    };
    among(&DURATIONS, Unit::Duration).or_else(|| among(&SIZES, Unit::Size))
}

/// A duration of ISO 8601 after its `P`. Years and months have no fixed length, so they are refused; a part
/// may be negative, as `java.time.Duration` prints it.
fn iso(mut rest: &str) -> Option<Quantity> {
    let (mut total, mut in_time, mut scale_before) = (0.0, false, u64::MAX);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|time| !in_time && !time.is_empty()) {
            (in_time, rest) = (true, time);
        }
        let negative = rest.starts_with('-');
        let number;
        (number, rest) = number_of(rest.strip_prefix('-').unwrap_or(rest), true)?;
        let scale = match (rest.as_bytes().first()?, in_time) {
            (b'W', false) => 604_800 * SECOND_NS,
            (b'D', false) => 86_400 * SECOND_NS,
            (b'H', true) => 3_600 * SECOND_NS,
            (b'M', true) => 60 * SECOND_NS,
            (b'S', true) => SECOND_NS,
            _ => return None,
        };
        // The parts stand in the order of their size, each once.
        if scale >= scale_before {
            return None;
        }
        scale_before = scale;
        rest = &rest[1..];
        let amount = number.times(scale);
        total += if negative { -amount } else { amount };
    }
    (scale_before != u64::MAX).then_some(Quantity { amount: total, unit: Unit::Duration })
}

/// A decimal number without a sign.
enum Number {
    /// The digits as a whole number, and how many of them are behind the point.
    Exact(u64, u32),
    Nearest(f64),
}

impl Number {
    /// Rounds once, so that `1.1ms` and `1100us` are the same double.
    fn times(&self, scale: u64) -> f64 {
        match *self {
            Self::Exact(digits, fraction) => {
                (u128::from(digits) * u128::from(scale)) as f64
                    / 10_f64.powi(fraction.cast_signed())
            }
            Self::Nearest(number) => number * scale as f64,
        }
    }
}

/// The number that `text` begins with, and what is behind it. ISO 8601 permits a comma for the point.
fn number_of(text: &str, comma: bool) -> Option<(Number, &str)> {
    let is_part = |b: u8| b.is_ascii_digit() || b == b'.' || (comma && b == b',');
    let length = text.bytes().take_while(|&b| is_part(b)).count();
    let (number, rest) = text.split_at(length);
    let number = number.replace(',', ".");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    if whole.len() + fraction.len() > DIGITS_EXACT {
        return Some((Number::Nearest(number.parse().ok()?), rest));
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((Number::Exact(digits, fraction.len() as u32), rest))
}

/// Units that amounts are written in, the largest first; minutes and hours are written as parts.
const WRITTEN_DURATIONS: [(f64, &str); 4] =
    [(1e9, "s"), (1e6, "ms"), (1e3, "\u{b5}s"), (1.0, "ns")];
const WRITTEN_SIZES: [(f64, &str); 7] =
    [(1e18, "EB"), (1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];

/// An amount as [`parse_quantity`] reads it: durations as Go writes them, without parts that are zero, and
/// sizes in powers of 1,000. Nothing is rounded but fractions of a nanosecond.
#[must_use]
pub fn write_quantity(amount: f64, unit: Unit) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    let amount = amount.abs();
    match unit {
        Unit::Size if amount == 0.0 => "0B".into(),
        Unit::Size => format!("{sign}{}", in_largest(amount, &WRITTEN_SIZES)),
        Unit::Duration => format!("{sign}{}", written_duration(amount)),
    }
}

fn written_duration(ns: f64) -> String {
    const MINUTE: f64 = 60e9;
    const HOUR: f64 = 3_600e9;
    let ns = if ns >= 1.0 { ns.round() } else { ns };
    if ns == 0.0 {
        return "0s".into();
    }
    if ns < MINUTE || !ns.is_finite() {
        return in_largest(ns, &WRITTEN_DURATIONS);
    }
    let (hours, rest) = ((ns / HOUR).floor(), ns % HOUR);
    let (minutes, seconds) = ((rest / MINUTE).floor(), rest % MINUTE);
    let part = |n: f64, unit: &str| if n > 0.0 { format!("{n}{unit}") } else { String::new() };
    format!("{}{}{}", part(hours, "h"), part(minutes, "m"), part(seconds / 1e9, "s"))
}

fn in_largest(amount: f64, units: &[(f64, &str)]) -> String {
    let fits = units.iter().find(|(scale, _)| amount >= *scale).or(units.last());
    fits.map_or_else(String::new, |(scale, name)| format!("{}{name}", amount / scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str, unit: Unit) -> Option<f64> {
        parse_quantity(text.as_bytes()).filter(|q| q.unit == unit).map(|q| q.amount)
    }

    #[test]
    fn durations_are_read_in_the_ways_of_go_systemd_and_iso_8601() {
        for (text, ns) in [
            ("7ns", 7.0),
            ("850us", 850e3),
            ("850\u{b5}s", 850e3),
            ("850\u{3bc}s", 850e3),
            ("95ms", 95e6),
            ("1.5s", 1.5e9),
            (".5s", 0.5e9),
            ("-1.5s", -1.5e9),
            ("2m3.5s", 123.5e9),
            ("1h0m0s", 3_600e9),
            ("1min 2.5s", 62.5e9),
            ("1.5 ms", 1.5e6),
            ("3 seconds", 3e9),
            ("2d", 172_800e9),
            ("PT1.5S", 1.5e9),
            ("PT1,5S", 1.5e9),
            ("P1DT2H", 93_600e9),
            ("P2W", 1_209_600e9),
            ("-PT6H", -21_600e9),
            ("PT-1.5S", -1.5e9),
        ] {
            assert_eq!(amount(text, Unit::Duration), Some(ns), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_powers_of_1000_and_1024() {
        for (text, bytes) in [
            ("100B", 100.0),
            ("9KB", 9e3),
            ("9kB", 9e3),
            ("2KiB", 2048.0),
            ("10MB", 10e6),
            ("10 MB", 10e6),
            ("1.2GB", 1.2e9),
            ("128Mi", 134_217_728.0),
            ("512 bytes", 512.0),
        ] {
            assert_eq!(amount(text, Unit::Size), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_left_alone() {
        for text in [
            "", "s", "5", "1.5", "1..5s", "12msx", "1.5  s", "s1", "10M", "10Mb", "1KB2KB",
            "1s2KB", "P", "PT", "P1Y", "P1M", "P1H", "PT1S1M", "PT1", "1h-2m", "1e3s", "--1s",
            "POST", "1\u{e4}", "Ps", "- 1s",
        ] {
            assert_eq!(parse_quantity(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_same_amount_is_the_same_double_in_every_unit() {
        for (a, b) in
            [("1.1ms", "1100us"), ("0.12s", "120ms"), ("2m3.5s", "PT123.5S"), ("1.1MB", "1100kB")]
        {
            assert_eq!(parse_quantity(a.as_bytes()), parse_quantity(b.as_bytes()), "{a} {b}");
        }
    }

    #[test]
    fn amounts_are_written_as_people_read_them() {
        for (amount, unit, text) in [
            (123.5e9, Unit::Duration, "2m3.5s"),
            (0.0, Unit::Duration, "0s"),
            (850e3, Unit::Duration, "850\u{b5}s"),
            (-1.5e9, Unit::Duration, "-1.5s"),
            (120e9, Unit::Duration, "2m"),
            (90_000e9, Unit::Duration, "25h"),
            (1_210_011_148.0, Unit::Size, "1.210011148GB"),
            (0.0, Unit::Size, "0B"),
            (2048.0, Unit::Size, "2.048kB"),
        ] {
            assert_eq!(write_quantity(amount, unit), text);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(ns in 0_u64..1 << 53, size in any::<bool>()) {
            let unit = if size { Unit::Size } else { Unit::Duration };
            let text = write_quantity(ns as f64, unit);
            let read = amount(&text, unit).unwrap_or(f64::NAN);
            prop_assert!((read - ns as f64).abs() <= ns as f64 * 1e-15, "{} {}", text, read);
        }

        #[test]
        fn no_text_is_a_surprise(text in "[-+.0-9PTSHMDWsmhkKMiB \u{b5}]{0,12}") {
            let _ = parse_quantity(text.as_bytes());
        }
    }
}
