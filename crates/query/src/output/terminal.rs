//! Text on its way to a terminal, without what a terminal obeys.

use std::io::{self, Write};

use cutwater_shell::words::{is_steering, printable};

use super::Format;

/// The same output, for a terminal: characters that it may obey are escaped, in JSON as JSON does
/// (`\u001b`), which keeps the value, and elsewhere as `\x1b`.
pub fn for_terminal<W: Write>(format: Format, out: W) -> impl Write + use<W> {
    Escaping { out, json: matches!(format, Format::Json | Format::Ndjson), cut: Vec::new() }
}

struct Escaping<W> {
    out: W,
    json: bool,
    /// The beginning of a character whose other bytes come with the next write.
    cut: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    fn put(&mut self, text: &str) -> io::Result<()> {
        let steers = |c: char| is_steering(c) && c != '\n' && c != '\t';
        for piece in text.split_inclusive(steers) {
            let last = piece.chars().next_back().filter(|c| steers(*c));
            let kept = &piece[..piece.len() - last.map_or(0, char::len_utf8)];
            self.out.write_all(kept.as_bytes())?;
            match last {
                Some(c) if self.json => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        write!(self.out, "\\u{unit:04x}")?;
                    }
                }
                Some(c) => self.out.write_all(printable(c.to_string().as_bytes()).as_bytes())?,
                None => {}
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = std::mem::take(&mut self.cut);
        held.extend_from_slice(bytes);
        let mut rest = &held[..];
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.put(text)?;
                    break;
                }
                Err(e) => {
                    let (valid, other) = rest.split_at(e.valid_up_to());
                    self.put(std::str::from_utf8(valid).unwrap_or_default())?;
                    let Some(length) = e.error_len() else {
                        self.cut = other.to_vec();
                        break;
                    };
                    self.out.write_all(printable(&other[..length]).as_bytes())?;
                    rest = &other[length..];
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written in pieces of `step` bytes.
    fn written(format: Format, text: &[u8], step: usize) -> String {
        let mut bytes = Vec::new();
        let mut out = for_terminal(format, &mut bytes);
        text.chunks(step).for_each(|piece| out.write_all(piece).expect("memory takes bytes"));
        drop(out);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_wherever_a_write_ends() {
        let text = "é\t\u{1b}[2J\u{9b}1m\u{202e}\u{61c}\n";
        for step in 1..text.len() {
            let shown = written(Format::Csv, text.as_bytes(), step);
            assert_eq!(shown, "é\t\\x1b[2J\\xc2\\x9b1m\\xe2\\x80\\xae\\xd8\\x9c\n", "{step}");
            let shown = written(Format::Ndjson, text.as_bytes(), step);
            assert_eq!(shown, "é\t\\u001b[2J\\u009b1m\\u202e\\u061c\n", "{step}");
        }
        assert_eq!(written(Format::Csv, b"a\xffb", 1), "a\\xffb");
    }
}
