//! Bad lines: why they are bad, where they are, and how many.

use std::fmt::{self, Write};

/// Why a line is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// Longer than the limit.
    TooLong,
    /// The line ends in the middle of a value.
    EndsEarly,
    /// A byte that cannot stand where it does.
    Unexpected,
    /// Bytes after the end of the value.
    Trailing,
    /// Valid JSON, but not an object.
    NotObject,
    /// A control character inside a JSON string.
    Control,
    /// A backslash followed by something that is not an escape, or half of a surrogate pair.
    Escape,
    /// Not UTF-8.
    Utf8,
    /// A number that JSON's grammar or a double's range does not allow.
    Number,
    /// Nested more deeply than [`crate::json::DEPTH_MAX`].
    Depth,
    /// Not of the file's format.
    NoMatch,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::TooLong,
        Self::EndsEarly,
        Self::Unexpected,
        Self::Trailing,
        Self::NotObject,
        Self::Control,
        Self::Escape,
        Self::Utf8,
        Self::Number,
        Self::Depth,
        Self::NoMatch,
    ];

    /// The name used in exported data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::EndsEarly => "ends_early",
            Self::Unexpected => "unexpected_byte",
            Self::Trailing => "trailing_bytes",
            Self::NotObject => "not_an_object",
            Self::Control => "control_character",
            Self::Escape => "bad_escape",
            Self::Utf8 => "not_utf8",
            Self::Number => "bad_number",
            Self::Depth => "too_deep",
            Self::NoMatch => "no_match",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Bad lines by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BadCounts([u64; Reason::ALL.len()]);

impl BadCounts {
    /// One more.
    pub fn add(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// `count` more.
    pub fn add_many(&mut self, reason: Reason, count: u64) {
        self.0[reason as usize] += count;
    }

    /// How many there are for this reason.
    #[must_use]
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().map(|r| (r, self.0[r as usize])).filter(|&(_, n)| n > 0)
    }
}

/// One bad line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, the first being 1, within what it was found in (a piece, then the file).
    pub line: u64,
    /// Offset in the file of its first byte.
    pub offset: u64,
    /// Offset in the line of what is wrong.
    pub column: u32,
    /// What is wrong.
    pub reason: Reason,
    /// Its beginning, with control characters escaped.
    pub excerpt: String,
}

/// The most bytes of a bad line that an excerpt shows.
pub const EXCERPT_BYTES: usize = 120;

/// A longer run of NUL bytes at the beginning is shown as a count.
const ZEROS_SHOWN: usize = 4;

/// The beginning of a line as printable text: control characters and what is not UTF-8 as `\xNN`.
#[must_use]
pub fn excerpt(line: &[u8]) -> String {
    let cut = &line[..line.len().min(EXCERPT_BYTES)];
    let mut text = String::with_capacity(cut.len() + 3);
    // Bytes that were reserved and never written, and holes, read as zeros.
    let zeros = line.iter().take_while(|&&b| b == 0).count();
    if zeros > ZEROS_SHOWN {
        let _ = write!(text, "\\x00 x {zeros} ");
        return text + &excerpt(&line[zeros..]);
    }
    text.push_str(&printable(cut));
    if line.len() > cut.len() {
        text.push_str("...");
    }
    text
}

/// Whether a terminal may obey `c` instead of showing it: a control character, a line separator
/// (U+2028, U+2029), or a character that changes the direction of writing, so that text looks like
/// other text. Those have the property `Bidi_Control` (Unicode Standard Annex 9): marks (U+061C,
/// U+200E, U+200F), embeddings and overrides (U+202A to U+202E), isolates (U+2066 to U+2069).
#[must_use]
pub fn is_steering(c: char) -> bool {
    let is_bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}');
    c.is_control() || is_bidi || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Bytes as printable text: what could steer a terminal ([`is_steering`]), and what is not UTF-8, as
/// `\xNN`.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_steering(c) {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| push_hex(&mut text, b));
            } else {
                text.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&b| push_hex(&mut text, b));
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    let _ = write!(text, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_has_no_control_character_and_no_invalid_byte() {
        assert_eq!(excerpt(b"a\x1b[31m\xff\tb\xc3\xa9"), "a\\x1b[31m\\xff\\x09bé");
        assert_eq!(excerpt(b"\0\0\0\0\0\0end"), "\\x00 x 6 end");
        assert_eq!(excerpt(&[b'x'; 200]), format!("{}...", "x".repeat(120)));
    }
}
