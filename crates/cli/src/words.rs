//! Words that all commands say in the same way.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use cutwater_logs::bad::printable;

/// A file's name for people: what could steer a terminal or break a line is shown as `\xNN`, and so
/// is what is not UTF-8.
pub(crate) fn shown(name: impl AsRef<OsStr>) -> String {
    printable(name.as_ref().as_bytes())
}

/// A thing counted, in the plural where it is not one: `2 threads`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    let ending = if n == 1 {
        ""
    } else if thing.ends_with("sh") {
        "es"
    } else {
        "s"
    };
    format!("{n} {thing}{ending}")
}

/// `is` or `are`, as `n` things have it.
pub(crate) fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::{are, counted, shown};

    #[test]
    fn a_name_is_one_line_without_control_characters() {
        let name = std::path::Path::new("a\n\u{1b}[31mb \u{e9}");
        assert_eq!(shown(name), "a\\x0a\\x1b[31mb \u{e9}");
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
