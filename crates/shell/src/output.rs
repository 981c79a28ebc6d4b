//! Standard output: text and JSON. A reader that goes away ends the command quietly.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::Failure;
use crate::words::{escaped, is_steering};

/// Writes `text` to standard output. A terminal gets its control characters escaped, because `text`
/// may quote what the command read.
///
/// # Errors
/// When it cannot be written. Rust starts with SIGPIPE ignored, so a closed pipe is an error here
/// and not a signal; [`Failure::output`] turns it into a quiet end.
pub fn text(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() { styled(&escaped(text)) } else { styled(text) }
}

/// Writes `text`, which has colours of our own, as it stands: what it quotes must have been made
/// printable.
///
/// # Errors
/// As [`text`].
pub fn styled(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Writes `value` as indented JSON and a line end: what `--json` prints.
///
/// # Errors
/// As [`text`].
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line =
        serde_json::to_string_pretty(value).map_err(|e| Failure::output(io::Error::other(e)))?;
    line.push('\n');
    styled(&harmless(&line))
}

/// The same JSON, with what could steer a terminal escaped: it can only be in strings, where serde_json has
/// escaped all below U+0020.
#[must_use]
pub fn harmless(json: &str) -> Cow<'_, str> {
    let steers = |c: char| is_steering(c) && c != '\n';
    if !json.contains(steers) {
        return json.into();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if steers(c) {
            // None of these is above U+FFFF.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_steers_no_terminal_and_stays_the_same_value() {
        let value = serde_json::json!({"a\u{9b}": ["\u{1b}[2J\u{202e}\u{7f}é", 1]});
        let written = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
        let text = harmless(&written);
        assert!(!text.contains(|c: char| is_steering(c) && c != '\n'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
