//! The message for a condition that makes no sense: what is wrong, and where.

use crate::Error;

/// How much of the text is shown around a fault.
const SHOWN_CHARS: usize = 60;

/// A fault at byte `at` of `text`, with the text around it and a mark below.
pub(super) fn fault(text: &str, at: usize, words: &str) -> Error {
    let before: Vec<char> = text[..at].chars().map(visible).collect();
    let from = before.len().saturating_sub(SHOWN_CHARS / 2);
    let lead = if from > 0 { "..." } else { "" };
    let left: String = before[from..].iter().collect();
    let right: String = text[at..].chars().map(visible).take(SHOWN_CHARS).collect();
    let cut = if text[at..].chars().nth(SHOWN_CHARS).is_some() { "..." } else { "" };
    let space = lead.len() + before.len() - from;
    let number = before.len() + 1;
    Error::request(format!(
        "--where, character {number}: {words}\n    {lead}{left}{right}{cut}\n    {:space$}^",
        ""
    ))
}

/// Replaces a character that steers a terminal, as it could move the mark, by one of the same
/// width.
fn visible(c: char) -> char {
    if crate::bad::is_steering(c) { '\u{fffd}' } else { c }
}
