//! Names, counts and quoted input, worded alike in all commands.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

pub use cutwater_logs::bad::{is_steering, printable};
use cutwater_logs::time::UnknownZones;

/// A file's name for people: control characters and bytes that are not UTF-8 are shown as `\xNN`.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    printable(name.as_ref().as_bytes())
}

/// A text of one or more lines in which only line ends and tabs are left of the control
/// characters; the others are shown as `\xNN`. See [`is_steering`].
#[must_use]
pub fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<_> = line.split('\t').map(|cell| printable(cell.as_bytes())).collect();
        cells.join("\t")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The same for bytes; those that are not UTF-8 are shown as `\xNN`, too. The carriage return of a line end
/// stays.
#[must_use]
pub fn escaped_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let (text, end) = match line {
            [text @ .., b'\r', b'\n'] => (text, &b"\r\n"[..]),
            [text @ .., b'\n'] => (text, &b"\n"[..]),
            text => (text, &b""[..]),
        };
        for (at, cell) in text.split(|&b| b == b'\t').enumerate() {
            out.extend_from_slice(if at > 0 { b"\t" } else { b"" });
            out.extend_from_slice(printable(cell).as_bytes());
        }
        out.extend_from_slice(end);
    }
    out
}

/// Whether [`escaped`] would leave `text` as it is.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| is_steering(c) && c != '\n' && c != '\t')
}

/// A number of things, in the plural unless there is one: `2 threads`.
#[must_use]
pub fn counted(n: u64, thing: &str) -> String {
    let ending = if n == 1 {
        ""
    } else if thing.ends_with("sh") {
        "es"
    } else {
        "s"
    };
    format!("{n} {thing}{ending}")
}

/// The one of `known` that `name` may be a misspelling of: at most a third of its characters differ, in any
/// case of letters.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    let near = known.into_iter().map(|known| (distance(known, name), known));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// How many characters must be changed, added, removed or exchanged with the next one to turn one name
/// into the other (Damerau and Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, &c) in a.iter().enumerate() {
        let mut next = vec![at + 1];
        for (column, &d) in b.iter().enumerate() {
            let replaced = row[column] + usize::from(c != d);
            let mut least = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            if at > 0 && column > 0 && c == b[column - 1] && a[at - 1] == d {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

/// `is` for one thing, `are` for others.
#[must_use]
pub fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// A note on times with unknown zones; `None` if all are known.
#[must_use]
pub fn unknown_zones(zones: &UnknownZones) -> Option<String> {
    if zones.total() == 0 {
        return None;
    }
    let mut names: Vec<_> =
        zones.counts.iter().map(|(name, _)| printable(name.as_bytes())).collect();
    if zones.others > 0 {
        names.push("others".into());
    }
    Some(format!(
        "the zone of {} is not known: {}; they were read as times without a zone, whose zone --tz sets",
        counted(zones.total(), "time"),
        names.join(", ")
    ))
}

/// Nanoseconds in three or four digits with the unit: `870 ns`, `12.4 us`, `3.1 ms`.
#[must_use]
pub fn time(ns: u64) -> String {
    let ns = ns as f64;
    let (value, unit) = match ns {
        ..1e3 => return format!("{ns} ns"),
        ..1e6 => (ns / 1e3, "us"),
        ..1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    if value < 100.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_without_control_characters() {
        let name = std::path::Path::new("a\n\u{1b}[31mb \u{e9}");
        assert_eq!(shown(name), "a\\x0a\\x1b[31mb \u{e9}");
    }

    #[test]
    fn escaped_text_keeps_its_lines_and_nothing_that_steers_a_terminal() {
        let text = "a\tb\n\u{1b}[2J\u{202e}\u{2066}c\u{9b}é";
        let shown = "a\tb\n\\x1b[2J\\xe2\\x80\\xae\\xe2\\x81\\xa6c\\xc2\\x9bé";
        assert_eq!(escaped(text), shown);
        assert_eq!(escaped(shown), shown, "escaping twice changes nothing");
        assert!(!is_printable(text) && is_printable(shown));
        assert_eq!(escaped_bytes(text.as_bytes()), shown.as_bytes());
        assert_eq!(escaped_bytes(b"\xff\r\n\ra\n\n"), b"\\xff\r\n\\x0da\n\n");
    }

    #[test]
    fn the_nearest_name_is_one_that_may_be_meant() {
        let known = ["status", "path", "latency_ms", "ts"];
        for (name, expected) in [
            ("statsu", Some("status")),
            ("Status", Some("status")),
            ("pathh", Some("path")),
            ("latencyms", Some("latency_ms")),
            ("minute", None),
            ("level", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }

    #[test]
    fn one_thing_is_not_many() {
        for (n, lines, crashes) in [
            (0, "0 bad lines are", "0 crashes are"),
            (1, "1 bad line is", "1 crash is"),
            (2, "2 bad lines are", "2 crashes are"),
        ] {
            assert_eq!(format!("{} {}", counted(n, "bad line"), are(n)), lines);
            assert_eq!(format!("{} {}", counted(n, "crash"), are(n)), crashes);
        }
    }
}
