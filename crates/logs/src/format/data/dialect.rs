//! How a log names its columns.

/// How a log names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `#Fields: date time c-ip`, <https://www.w3.org/TR/WD-logfile>.
    W3c,
    /// `#fields`, `#types` and others, each followed by a tab.
    Zeek,
    /// A first line with names alone, all of these, and values with blanks between.
    Named(&'static [&'static str]),
}

/// The fewest names of a line that has nothing but names.
const NAMES_LEAST: usize = 3;

impl Dialect {
    pub(super) const NAMES: [&'static str; 3] = ["w3c", "zeek", "a list of names"];

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "w3c" => Some(Self::W3c),
            "zeek" => Some(Self::Zeek),
            _ => None,
        }
    }

    /// What a line that names the columns begins with; nothing where only the first line does.
    pub(super) fn mark(self) -> Option<&'static [u8]> {
        match self {
            Self::W3c => Some(b"#Fields:"),
            Self::Zeek => Some(b"#fields"),
            Self::Named(_) => None,
        }
    }

    /// Whether a line says how others are read.
    pub(super) fn is_header(self, line: &[u8]) -> bool {
        let Self::Named(names) = self else { return line.starts_with(b"#") };
        let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
        let known = |word: &[u8]| names.iter().any(|name| name.as_bytes() == word);
        words.by_ref().take(NAMES_LEAST).filter(|word| known(word)).count() == NAMES_LEAST
            && words.all(known)
    }
}
