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

/// `is` for one thing, `are` for others.
#[must_use]
pub fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// What to say about times whose zones are not known; nothing where all are known.
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
        "the zone of some times is not known: {}; they were read as times without a zone, whose zone \
         --tz sets",
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
