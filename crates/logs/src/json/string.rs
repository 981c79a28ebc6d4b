//! Strings that need a look: escapes, UTF-8, control characters.

use std::borrow::Cow;

use super::Fault;
use crate::bad::Reason;

/// The first of `stops`, from `stop` on, that is the quotation mark which ends a string; nothing
/// where the line ends before.
#[inline]
pub(super) fn close(block: &[u8], stops: &[u32], mut stop: usize) -> Option<usize> {
    loop {
        let at = *stops.get(stop)? as usize;
        match block.get(at)? {
            b'"' => return Some(stop),
            b'\n' => return None,
            // The escaped byte is skipped too, unless it ends the line.
            b'\\' => {
                let next = *stops.get(stop + 1)? as usize;
                let escaped = next == at + 1 && block.get(next) != Some(&b'\n');
                stop += usize::from(escaped);
            }
            _ => {}
        }
        stop += 1;
    }
}

/// Checks the inside of a JSON string, `block[start..end]`; true when it has escapes.
#[cold]
pub(super) fn check(block: &[u8], start: usize, end: usize) -> Result<bool, Fault> {
    let text = &block[start..end];
    if let Err(e) = std::str::from_utf8(text) {
        return Err(Fault::new(Reason::Utf8, start + e.valid_up_to()));
    }
    if let Some(at) = text.iter().position(|&b| b < 0x20) {
        return Err(Fault::new(Reason::Control, start + at));
    }
    let mut escapes = false;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text[at..]) {
        escapes = true;
        at += found;
        let Some(length) = escape_length(&text[at..]) else {
            return Err(Fault::new(Reason::Escape, start + at));
        };
        at += length;
    }
    Ok(escapes)
}

/// The length of the JSON escape that `text` begins with, if it is one.
fn escape_length(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match hex4(text.get(2..6)?)? {
            0xD800..0xDC00 => {
                let low = text.get(6..8).filter(|&s| s == b"\\u").and(text.get(8..12))?;
                matches!(hex4(low)?, 0xDC00..0xE000).then_some(12)
            }
            0xDC00..0xE000 => None,
            _ => Some(6),
        },
        _ => None,
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |n, &d| Some(n * 16 + char::from(d).to_digit(16)?))
}

/// The text that an escaped string stands for; see [`unescape_into`].
#[must_use]
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    unescape_into(text, &mut out);
    Cow::Owned(out)
}

/// Appends the text that an escaped string stands for: JSON's escapes, and `\xNN` as access
/// logs write it. Everything else is kept as it is.
pub fn unescape_into(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..at]);
        text = &text[at..];
        text = &text[one_escape(text, out)..];
    }
    out.extend_from_slice(text);
}

/// Appends what the escape at the start of `text` stands for, and returns its length.
fn one_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let plain = match text.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(&c @ (b'"' | b'\\' | b'/' | b'\'')) => c,
        Some(b'x') => return hex_escape(text, out),
        Some(b'u') => return unicode_escape(text, out),
        _ => {
            out.push(b'\\');
            return 1;
        }
    };
    out.push(plain);
    2
}

fn hex_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    if let Some(byte) = text.get(2..4).and_then(hex4) {
        out.push(byte as u8);
        return 4;
    }
    out.push(b'\\');
    1
}

fn unicode_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| -> Option<u32> {
        text.get(at..at + 2).filter(|&s| s == b"\\u").and(hex4(text.get(at + 2..at + 6)?))
    };
    let (code, length) = match (unit(0), unit(6)) {
        (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
            (Some(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)
        }
        (first, _) => (first, 6),
    };
    let Some(c) = code.and_then(char::from_u32) else {
        out.push(b'\\');
        return 1;
    };
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    length
}
