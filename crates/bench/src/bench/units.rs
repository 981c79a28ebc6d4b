//! Sizes, times and rates: read from flags, written for people.

use std::time::Duration;

pub(super) use cutwater_shell::words::time;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `4K`, `1M`, `2G` or bytes; powers of 1,024.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_ascii_lowercase();
    let lower = lower.trim_end_matches('b').trim_end_matches('i');
    let (digits, unit) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], KIB),
        Some(b'm') => (&lower[..lower.len() - 1], MIB),
        Some(b'g') => (&lower[..lower.len() - 1], GIB),
        _ => (lower, 1),
    };
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} is not a size; sizes look like 512, 4K, 1M or 2G"))?;
    match number.checked_mul(unit) {
        Some(0) | None => Err(format!("a size of {text} is of no use here")),
        Some(bytes) => Ok(bytes),
    }
}

/// `100ms`, `2s`, `1.5s`, or seconds.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (digits, seconds) = if let Some(digits) = text.strip_suffix("ms") {
        (digits, 1e-3)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1.0)
    };
    let wrong = || format!("{text:?} is not a time; times look like 100ms, 2s or 0.5");
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let seconds = number * seconds;
    if !(0.001..=60.0).contains(&seconds) {
        return Err(format!("{text} is out of bounds; 1ms to 60s are possible"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Bytes as `4 KiB`, `1 MiB`, `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        GIB.. => (GIB, "GiB"),
        MIB.. => (MIB, "MiB"),
        KIB.. => (KIB, "KiB"),
        _ => return format!("{bytes} B"),
    };
    if bytes.is_multiple_of(unit) {
        format!("{} {name}", bytes / unit)
    } else {
        format!("{:.1} {name}", bytes as f64 / unit as f64)
    }
}

/// A number in few digits: `842`, `29.1 K`, `1.20 M`.
pub(super) fn count(n: f64) -> String {
    match n {
        ..10.0 => format!("{n:.1}"),
        ..10_000.0 => format!("{n:.0}"),
        ..1e6 => format!("{:.1} K", n / 1e3),
        ..1e9 => format!("{:.2} M", n / 1e6),
        _ => format!("{:.2} G", n / 1e9),
    }
}

/// Bytes per second as mebibytes per second.
pub(super) fn mib_per_s(bytes_per_s: f64) -> String {
    let value = bytes_per_s / MIB as f64;
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text| parse_size(text).ok();
        assert_eq!(read("512"), Some(512));
        assert_eq!(read("4K"), Some(4096));
        assert_eq!(read("128KiB"), Some(128 << 10));
        assert_eq!(read("1m"), Some(1 << 20));
        assert_eq!(read("2GB"), Some(2 << 30));
        for wrong in ["", "0", "K", "4X", "-1", "1.5M", "99999999999999G", "bib", "4é"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text| parse_time(text).ok().map(|t| t.as_millis());
        assert_eq!(read("100ms"), Some(100));
        assert_eq!(read("2s"), Some(2000));
        assert_eq!(read("0.5"), Some(500));
        for wrong in ["", "s", "0", "61", "-1s", "NaN", "inf", "1h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(
            [size(4096), size(1 << 20), size(1536), size(7)],
            ["4 KiB", "1 MiB", "1.5 KiB", "7 B"]
        );
        assert_eq!(
            [time(870), time(12_440), time(310_000), time(3_100_000)],
            ["870 ns", "12.4 us", "310 us", "3.1 ms"]
        );
        assert_eq!([count(842.0), count(29_100.0), count(1.2e6)], ["842", "29.1 K", "1.20 M"]);
    }
}
