//! Rotated logs in the order of time.
//!
//! `app.log`, `app.log.1` and `app.log.2.gz` are one log. A shell sorts them by name: the newest
//! first, and `.10` before `.2`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cutwater_logs::scan::Log;
use cutwater_logs::split::COMPRESSED_ENDS;

/// Where a file stands among those of its log, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// The day and perhaps the time at which it was rotated (logrotate's `dateext`, `log4j`), then the
    /// number of that day, which grows.
    Dated(String, u64),
    /// The number that grows with each rotation, so the largest is the oldest.
    Numbered(std::cmp::Reverse<u64>),
    /// The file that is written now.
    Current,
}

/// Puts the files of each rotated log in the order of time; they take the places that files of that log had.
/// The times of sampled lines decide where all of them have some, otherwise their names.
#[must_use]
pub fn in_order_of_time(logs: Vec<Log>) -> Vec<Log> {
    let mut places: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    for (place, log) in logs.iter().enumerate() {
        places.entry(parts_of(&log.input.path).0).or_default().push(place);
    }
    let mut from: Vec<usize> = (0..logs.len()).collect();
    for set in places.into_values().filter(|set| set.len() > 1) {
        let mut sorted: Vec<usize> = set.clone();
        let first = |place: &usize| logs[*place].sampled_times().map(|(first, _)| first);
        let age = |place: &usize| parts_of(&logs[*place].input.path).1;
        let firsts: Option<Vec<_>> = sorted.iter().map(first).collect();
        if firsts.is_some() {
            sorted.sort_by_key(|place| (first(place), age(place)));
        } else {
            sorted.sort_by_key(age);
        }
        set.into_iter().zip(sorted).for_each(|(place, log)| from[place] = log);
    }
    let mut logs: Vec<Option<Log>> = logs.into_iter().map(Some).collect();
    from.into_iter().filter_map(|place| logs[place].take()).collect()
}

/// The log that a file belongs to, and where it stands in it.
fn parts_of(path: &Path) -> (PathBuf, Age) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return (path.to_owned(), Age::Current);
    };
    let name = match name.rsplit_once('.') {
        Some((rest, end)) if COMPRESSED_ENDS.contains(&end) => rest,
        _ => name,
    };
    let (base, age) = rotated(name);
    (path.with_file_name(base), age)
}

/// The name without what rotation added: `app.log.1`, `app.log-20261128`, `app-2026-11-28.log`,
/// `app.2026-11-28.0.log`, `app.1.log`.
fn rotated(name: &str) -> (String, Age) {
    let is_cut = |c: char| matches!(c, '.' | '-' | '_');
    // At the end of the name, or before its last part, as log4j and logback have it.
    let inner = name.rsplit_once('.').filter(|(stem, end)| {
        !stem.is_empty() && !end.is_empty() && end.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let (stem, end) = inner.map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
    let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (head, number) = stem.split_at(stem.len() - digits);
    let rest = head.strip_suffix(is_cut);
    if let Some((base, date)) = dated(stem) {
        return (format!("{base}{end}"), Age::Dated(date, 0));
    }
    if let (Some(rest), Ok(number)) = (rest, number.parse()) {
        if let Some((base, date)) = dated(rest) {
            return (format!("{base}{end}"), Age::Dated(date, number));
        }
        if !rest.is_empty() {
            return (format!("{rest}{end}"), Age::Numbered(std::cmp::Reverse(number)));
        }
    }
    (name.to_owned(), Age::Current)
}

/// A name that ends with a date, `-` or `.` before it: the rest, and the digits of the date.
fn dated(stem: &str) -> Option<(&str, String)> {
    const DATE_DIGITS: [usize; 5] = [8, 10, 12, 14, 6];
    let tail = stem.len()
        - stem
            .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | 'T' | ':'))
            .len();
    let tail = &stem[stem.len() - tail..];
    let start = tail.find(|c: char| c.is_ascii_digit())?;
    let date: String = tail.chars().filter(char::is_ascii_digit).collect();
    let base = &stem[..stem.len() - tail.len() + start];
    let base = base.strip_suffix(['-', '.', '_'])?;
    let is_year = date.starts_with("19") || date.starts_with("20");
    (DATE_DIGITS.contains(&date.len()) && is_year && !base.is_empty()).then_some((base, date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rotation_adds_to_a_name_is_found() {
        let numbered = |n| Age::Numbered(std::cmp::Reverse(n));
        let dated = |date: &str, n| Age::Dated(date.to_owned(), n);
        for (name, base, age) in [
            ("app.log", "app.log", Age::Current),
            ("app.log.1", "app.log", numbered(1)),
            ("app.log.10.gz", "app.log", numbered(10)),
            ("app.1.log", "app.log", numbered(1)),
            ("app.log-20261128", "app.log", dated("20261128", 0)),
            ("app.log-20261128.gz", "app.log", dated("20261128", 0)),
            ("app-2026-11-28.log", "app.log", dated("20261128", 0)),
            ("app.2026-11-28.3.log.gz", "app.log", dated("20261128", 3)),
            ("app.log.2026-11-28", "app.log", dated("20261128", 0)),
            ("app.log.2026-11-28_10", "app.log", dated("2026112810", 0)),
            ("syslog", "syslog", Age::Current),
            ("syslog.2.gz", "syslog", numbered(2)),
            ("1.log", "1.log", Age::Current),
            ("20261128.log", "20261128.log", Age::Current),
        ] {
            assert_eq!(parts_of(Path::new(name)), (base.into(), age), "{name}");
        }
    }

    #[test]
    fn the_oldest_file_comes_first() {
        let mut names = ["app.log", "app.log.1", "app.log.10.gz", "app.log.2.gz"]
            .map(|n| parts_of(Path::new(n)).1);
        names.sort();
        let numbered = |n| Age::Numbered(std::cmp::Reverse(n));
        assert_eq!(names, [numbered(10), numbered(2), numbered(1), Age::Current]);
        assert!(Age::Dated("20261127".into(), 2) < Age::Dated("20261128".into(), 0));
    }
}
