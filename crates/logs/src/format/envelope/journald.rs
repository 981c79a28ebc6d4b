//! Lines of `journalctl -o json`.
//!
//! A text with bytes that are no printable UTF-8 is an array of its bytes
//! (<https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format>); in the copy of a block it is a string again,
//! with a mark for what is no UTF-8. `PRIORITY` is a severity of syslog; `level` is its name.

use super::Layer;
use crate::bad::Reason;
use crate::format::cursor::{Cursor, Step};
use crate::format::level;
use crate::record::{Fields, Record, Span};

/// The time of each entry, which no other JSON has.
const TIME: &[u8] = b"\"__REALTIME_TIMESTAMP\"";
const PRIORITY: &[u8] = b"\"PRIORITY\"";

#[derive(Debug)]
pub(super) struct Journald;

impl Layer for Journald {
    fn open(&mut self, c: &mut Cursor<'_>, _: &mut Fields, _: &mut Record) -> Step<Option<Span>> {
        match memchr::memmem::find(c.rest(), TIME) {
            Some(_) => Ok(None),
            None => Err(Reason::NoMatch),
        }
    }
}

/// Appends `line` with its texts as strings, and with its level.
pub(super) fn rewrite_into(line: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    for found in memchr::memmem::find_iter(line, b":") {
        let blanks = line[found + 1..].iter().take_while(|b| **b == b' ').count();
        let open = found + 1 + blanks;
        if found < at || line.get(open) != Some(&b'[') || !is_after_key(&line[..found]) {
            continue;
        }
        if let Some((text, length)) = bytes(&line[open..]) {
            out.extend_from_slice(&line[at..open]);
            let text = String::from_utf8_lossy(&text);
            out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
            at = open + length;
        }
    }
    out.extend_from_slice(&line[at..]);
    let name = level_of(line);
    if let (Some(name), Some(close)) = (name, out.iter().rposition(|b| *b == b'}')) {
        let member = format!(",\"level\":\"{name}\"");
        out.splice(close..close, member.into_bytes());
    }
}

/// Whether a key ends at the end of `text`: a quotation mark in a string has a backslash before it.
fn is_after_key(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    text.ends_with(b"\"") && !text.ends_with(b"\\\"")
}

/// The bytes of the array that `text` begins with, and the array's length; nothing where it has other
/// values.
fn bytes(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let close = memchr::memchr(b']', text)?;
    let inside = std::str::from_utf8(&text[1..close]).ok()?;
    let all: Option<Vec<u8>> = inside.split(',').map(|n| n.trim().parse().ok()).collect();
    all.map(|all| (all, close + 1))
}

/// The name of the level of `PRIORITY`, unless there is another `level`.
fn level_of(line: &[u8]) -> Option<&'static str> {
    let key = memchr::memmem::find(line, PRIORITY)?;
    let value = line[key + PRIORITY.len()..].trim_ascii_start().strip_prefix(b":")?;
    let value = value.trim_ascii_start();
    let (digit, after) = match value {
        [b'"', digit, b'"', ..] => (*digit, None),
        [digit, after, ..] => (*digit, Some(*after)),
        _ => return None,
    };
    let is_whole = after.is_none_or(|b| matches!(b, b',' | b'}' | b' '));
    let taken = memchr::memmem::find(line, b"\"level\"").is_some();
    level::severity(digit).filter(|_| is_whole && !taken).map(|level| level.name())
}

#[cfg(test)]
mod tests {
    use super::rewrite_into;

    #[test]
    fn arrays_of_bytes_are_texts_and_the_priority_is_a_level() {
        for (line, expected) in [
            (
                r#"{"MESSAGE":[104,105,10,255],"PRIORITY":"3"}"#,
                "{\"MESSAGE\":\"hi\\n\u{fffd}\",\"PRIORITY\":\"3\",\"level\":\"ERROR\"}",
            ),
            (
                r#"{"A" : [ 34, 92 ],"B":["x","y"],"C":"\":[104]"}"#,
                r#"{"A" : "\"\\","B":["x","y"],"C":"\":[104]"}"#,
            ),
            (r#"{"A":[1,300],"PRIORITY":"x"}"#, r#"{"A":[1,300],"PRIORITY":"x"}"#),
            (r#"{"PRIORITY":"7","level":"a"}"#, r#"{"PRIORITY":"7","level":"a"}"#),
            (r#"{"PRIORITY":6}"#, r#"{"PRIORITY":6,"level":"INFO"}"#),
        ] {
            let mut out = Vec::new();
            rewrite_into(line.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
