//! JSON that is not one object per line, as lines: the elements of an array, or objects over several
//! lines.
//!
//! Valid JSON has no line feed within a string (RFC 8259, section 7), so each element becomes a line when
//! the line feeds between its parts become blanks. Nothing else is changed or checked: what is wrong in
//! an element is found by the parser.

use std::io::{self, Read};

use super::otlp::is_otlp;

/// Whether a file that begins with `head` is JSON that is not one object per line.
#[must_use]
pub fn is_elements(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    match text.first() {
        Some(b'[') => {
            let inside = text[1..].trim_ascii_start();
            matches!(inside.first(), None | Some(b'{' | b']'))
        }
        Some(b'{') if is_in_member(text) || is_otlp(text) => true,
        Some(b'{') => {
            let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
            let rest = &text[line.len()..];
            let mut depth = Depth::default();
            line.iter().for_each(|&b| depth.take(b));
            let begins_member = matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'}'));
            depth.level > 0 && !depth.in_string && begins_member
        }
        _ => false,
    }
}

/// How an object begins that has its records in its only member, without blanks: files of AWS CloudTrail, and
/// of Azure.
const MEMBERS: [&[u8]; 2] = [b"{\"Records\":[", b"{\"records\":["];

/// Whether a text begins with an object that has its records in a member.
fn is_in_member(text: &[u8]) -> bool {
    let begins = |member: &&[u8]| {
        let mut text = text.iter().filter(|b| !b.is_ascii_whitespace());
        member.iter().chain(b"{").all(|byte| text.next() == Some(byte))
    };
    MEMBERS.iter().any(begins)
}

/// How deep in objects and arrays a place is.
#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    level: u32,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    fn take(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                // No string goes on after the end of its line.
                b'"' | b'\n' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.level += 1,
            b'}' | b']' => self.level = self.level.saturating_sub(1),
            _ => {}
        }
    }
}

/// The elements of a stream, each as a line.
#[derive(Debug)]
pub(super) struct Elements<R> {
    bytes: R,
    depth: Depth,
    /// The depth between elements: 1 in an array.
    base: u32,
    /// Whether the element is a number, a text or a word.
    is_bare: bool,
    at_line_start: bool,
    /// What may become the beginning of an object with its records in a member.
    head: Vec<u8>,
    /// What follows the records in such an object.
    rest: Option<Vec<u8>>,
    /// What was made of the last bytes, and how much of it was handed over.
    made: Vec<u8>,
    given: usize,
}

impl<R: Read> Elements<R> {
    /// The elements of `bytes`.
    pub(super) fn new(bytes: R) -> Self {
        let (depth, base) = (Depth::default(), 0);
        let (made, given) = (Vec::new(), 0);
        let (head, rest) = (Vec::new(), None);
        Self { bytes, depth, base, is_bare: false, at_line_start: true, head, rest, made, given }
    }

    /// Writes what one byte becomes.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.rest.is_some() {
            return self.after_records(byte, out);
        }
        let is_outside = self.depth.level == 0 && !self.depth.in_string && !self.is_bare;
        if self.head.is_empty() && !(byte == b'{' && is_outside) {
            return self.byte(byte, out);
        }
        self.head.push(byte);
        let text: Vec<u8> =
            self.head.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        if MEMBERS.iter().any(|member| **member == text[..]) {
            self.head.clear();
            (self.base, self.depth.level) = (2, 2);
        } else if !MEMBERS.iter().any(|member| member.starts_with(&text)) {
            self.end_head(out);
        }
    }

    /// Takes what is no beginning of such an object.
    fn end_head(&mut self, out: &mut Vec<u8>) {
        for byte in std::mem::take(&mut self.head) {
            self.byte(byte, out);
        }
    }

    /// A byte of an object after its records; other members are an element of their own.
    fn after_records(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.depth.take(byte);
        let Some(rest) = &mut self.rest else { return };
        if self.depth.level > 0 || self.depth.in_string {
            rest.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
            return;
        }
        let members = rest.trim_ascii();
        let members = members.strip_prefix(b",").unwrap_or(members).trim_ascii_start();
        if !members.is_empty() {
            out.push(b'{');
            out.extend_from_slice(members);
            out.extend_from_slice(b"}\n");
        }
        (self.rest, self.base) = (None, 0);
    }

    /// Writes what one byte becomes that is not of an object with its records in a member.
    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        let at_line_start = std::mem::replace(&mut self.at_line_start, byte == b'\n');
        if self.depth.level > 0 && self.base == 0 && at_line_start && byte == b'{' {
            // The object before was never closed; this one is whole.
            self.depth = Depth::default();
            out.push(b'\n');
        }
        if self.depth.level == self.base && !self.depth.in_string {
            self.between(byte, out);
            return;
        }
        self.depth.take(byte);
        out.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
        let closed = self.depth.level == self.base && matches!(byte, b'}' | b']');
        if closed && !self.depth.in_string {
            out.push(b'\n');
        }
    }

    /// A byte between elements, or of one that is not in brackets.
    fn between(&mut self, byte: u8, out: &mut Vec<u8>) {
        let opens = byte == b'[' && self.base == 0 && !self.is_bare;
        let closes = byte == b']' && self.base > 0;
        if closes && self.base == 2 {
            self.rest = Some(Vec::new());
            self.depth.level = 1;
            return;
        }
        if matches!(byte, b',' | b'\n') || closes {
            if std::mem::take(&mut self.is_bare) {
                out.push(b'\n');
            }
        } else if !opens && !matches!(byte, b' ' | b'\t' | b'\r') {
            self.is_bare = !matches!(byte, b'{' | b'[');
            self.depth.take(byte);
            out.push(byte);
        }
        if opens || closes {
            self.base = u32::from(opens);
            self.depth.level = self.base;
        }
    }
}

/// How many bytes are taken at a time.
const STEP_BYTES: usize = 32 << 10;

impl<R: Read> Read for Elements<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.given == self.made.len() {
            let mut chunk = [0; STEP_BYTES];
            let n = self.bytes.read(&mut chunk)?;
            if n == 0 {
                // The beginning of an object, and no more.
                let mut made = std::mem::take(&mut self.made);
                made.clear();
                self.end_head(&mut made);
                (self.made, self.given) = (made, 0);
                if self.made.is_empty() {
                    return Ok(0);
                }
                continue;
            }
            let mut made = std::mem::take(&mut self.made);
            made.clear();
            chunk[..n].iter().for_each(|&byte| self.step(byte, &mut made));
            (self.made, self.given) = (made, 0);
        }
        let n = buf.len().min(self.made.len() - self.given);
        buf[..n].copy_from_slice(&self.made[self.given..][..n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        let mut elements = Elements::new(text.as_bytes());
        let mut buf = [0; 10];
        loop {
            match elements.read(&mut buf).expect("reads memory") {
                0 => break,
                n => all.extend_from_slice(&buf[..n]),
            }
        }
        String::from_utf8(all).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn elements_of_an_array_are_lines() {
        let want = ["{\"a\":[1,{\"b\":\"]}\"}]}", "{\"a\":2}", "7", "\"x,]\"", "[1]"];
        let flat = format!("[{}]", want.join(","));
        assert_eq!(lines(&flat), want);
        let spread = format!("\n[\n  {}\n]\n", want.join(" ,\n  "));
        assert_eq!(lines(&spread), want);
        assert_eq!(lines("[]\n[{\"a\":1}]\n{\"b\":2}\n"), ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn records_in_a_member_are_lines() {
        let text = "{\"Records\":[{\"a\":[1]},\n{\"a\":2}]}\n{ \"records\" : [ {\"b\":\"]}\"} ] , \"next\":{\"x\":1}}\n{\"Records\":7}";
        assert!(is_elements(text.as_bytes()));
        let got = lines(text);
        assert_eq!(
            got,
            [
                "{\"a\":[1]}",
                "{\"a\":2}",
                "{\"b\":\"]}\"}",
                "{\"next\":{\"x\":1}}",
                "{\"Records\":7}"
            ]
        );
        assert_eq!(lines("{\"Rec"), ["{\"Rec"]);
    }

    #[test]
    fn objects_over_several_lines_are_lines() {
        let text = "{\n  \"a\": 1,\r\n  \"b\": {\n    \"c\": \"}\\\"\"\n  }\n}\n{\n\"a\": 2}\n";
        let got: Vec<_> = lines(text).iter().map(|l| l.replace(' ', "")).collect();
        assert_eq!(got, ["{\"a\":1,\"b\":{\"c\":\"}\\\"\"}}", "{\"a\":2}"]);
    }

    #[test]
    fn an_object_that_is_never_closed_ends_where_the_next_begins() {
        assert_eq!(lines("{\n \"a\": [\n{\n \"b\": 1\n}\n").len(), 2);
    }

    #[test]
    fn lines_of_json_and_text_are_no_elements() {
        for head in ["[{\"a\":1},", "[\n  {\n", "{\n  \"a\": 1", "[]", "{ \n\n\"a\":1}"] {
            assert!(is_elements(head.as_bytes()), "{head}");
        }
        for head in [
            "{\"a\":1}\n",
            "[main] text",
            "[2026-01-02 03:04:05] x",
            "{\"a\": \"b",
            "{\"a\":\n{\"b\"",
        ] {
            assert!(!is_elements(head.as_bytes()), "{head}");
        }
    }
}
