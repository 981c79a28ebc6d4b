//! Colour codes of terminals, which some programs write into files, too.
//!
//! `ESC [ numbers m` (ECMA-48, SGR) and `ESC [ numbers K` (erase in line), as bytes or as JSON writes
//! them, with `\u001b`.

/// How ESC may be written.
const ESCAPES: [&[u8]; 3] = [b"\x1b[", b"\\u001b[", b"\\u001B["];

/// Longer sequences are not colour codes.
const NUMBERS_MAX: usize = 24;

/// The length of the colour code that `text` begins with.
fn code(text: &[u8]) -> Option<usize> {
    let start = ESCAPES.iter().find(|escape| text.starts_with(escape))?.len();
    let numbers = text[start..].iter().take(NUMBERS_MAX);
    let length = numbers.take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b':')).count();
    matches!(text.get(start + length), Some(b'm' | b'K')).then_some(start + length + 1)
}

/// Where the next colour code is, at or after `from`, and where it ends.
fn next(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        at += memchr::memchr2(0x1b, b'\\', text.get(at..)?)?;
        if let Some(length) = code(&text[at..]) {
            return Some((at, at + length));
        }
        // A backslash that is escaped begins no escape.
        at += if text[at..].starts_with(b"\\\\") { 2 } else { 1 };
    }
}

/// Whether `text` has a colour code.
pub(super) fn has(text: &[u8]) -> bool {
    next(text, 0).is_some()
}

/// Appends `text` without its colour codes.
pub(super) fn strip_into(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some((start, end)) = next(text, at) {
        out.extend_from_slice(&text[at..start]);
        at = end;
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_codes_are_taken_out_and_all_else_stays() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"\x1b[32mINFO\x1b[0m x", b"INFO x"),
            (b"\x1b[1;38;5;208mINFO\x1b[m\x1b[K", b"INFO"),
            (br#"{"level":"\u001b[32minfo\u001B[39m"}"#, br#"{"level":"info"}"#),
            (br#"{"a":"\\u001b[32m"}"#, br#"{"a":"\\u001b[32m"}"#),
            (b"\x1b[2Jcleared \x1b", b"\x1b[2Jcleared \x1b"),
            (b"plain", b"plain"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            strip_into(text, &mut out);
            assert_eq!(out, expected, "{}", String::from_utf8_lossy(text));
            assert_eq!(has(text), text != expected);
        }
    }
}
