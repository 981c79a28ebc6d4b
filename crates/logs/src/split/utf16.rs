//! UTF-16 as UTF-8, read in order.
//!
//! PowerShell and other programs of Windows write logs in UTF-16, with a mark at the beginning or without.

use std::io::{self, Read};

/// The order of the two bytes of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf16Order {
    /// The low byte first.
    Little,
    /// The high byte first.
    Big,
}

/// How much of a file is looked at where it has no mark, and the least that says anything.
pub(super) const LOOKED_AT: usize = 512;
const LEAST: usize = 16;

/// Whether `head`, the beginning of a log, is UTF-16: by its mark, or because nearly every second byte is
/// zero, as in text of Latin letters, and hardly any other byte is.
pub(super) fn order(head: &[u8]) -> Option<Utf16Order> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(Utf16Order::Little),
        [0xfe, 0xff, ..] => return Some(Utf16Order::Big),
        _ => {}
    }
    let head = &head[..head.len().min(LOOKED_AT)];
    let units = head.len() / 2;
    if units < LEAST / 2 {
        return None;
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    let most = |zeros: usize| zeros * 10 >= units * 9;
    let few = |zeros: usize| zeros * 20 <= units;
    match (most(first), most(second)) {
        (false, true) if few(first) => Some(Utf16Order::Little),
        (true, false) if few(second) => Some(Utf16Order::Big),
        _ => None,
    }
}

/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;

/// Gives the text of `inner` as UTF-8. Half of a pair becomes U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    order: Utf16Order,
    raw: Vec<u8>,
    /// The first byte of a unit whose second byte was not read yet.
    odd: Option<u8>,
    /// The first half of a pair.
    high: Option<u16>,
    text: Vec<u8>,
    at: usize,
    begun: bool,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, order: Utf16Order) -> Self {
        let (raw, text) = (vec![0; READ_BYTES], Vec::new());
        Self { inner, order, raw, odd: None, high: None, text, at: 0, begun: false }
    }

    /// Reads on; whether there is more text.
    fn fill(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() {
            let n = self.inner.read(&mut self.raw)?;
            if n == 0 {
                // A file may be cut off within a character.
                let cut = self.odd.take().is_some() | self.high.take().is_some();
                if cut {
                    push(&mut self.text, char::REPLACEMENT_CHARACTER);
                }
                return Ok(cut);
            }
            let raw = std::mem::take(&mut self.raw);
            for &byte in &raw[..n] {
                match self.odd.take() {
                    None => self.odd = Some(byte),
                    Some(first) => self.unit(first, byte),
                }
            }
            self.raw = raw;
        }
        Ok(true)
    }

    fn unit(&mut self, first: u8, second: u8) {
        let unit = match self.order {
            Utf16Order::Little => u16::from_le_bytes([first, second]),
            Utf16Order::Big => u16::from_be_bytes([first, second]),
        };
        let is_mark = !self.begun && unit == 0xfeff;
        self.begun = true;
        if is_mark {
            return;
        }
        if let Some(high) = self.high.take() {
            if let Some(Ok(c)) = char::decode_utf16([high, unit]).next() {
                return push(&mut self.text, c);
            }
            push(&mut self.text, char::REPLACEMENT_CHARACTER);
        }
        match unit {
            0xd800..=0xdbff => self.high = Some(unit),
            _ => {
                let c = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
                push(&mut self.text, c);
            }
        }
    }
}

fn push(text: &mut Vec<u8>, c: char) {
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() && !self.fill()? {
            return Ok(0);
        }
        let rest = &self.text[self.at..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads one byte at a time, as a slow pipe may give them.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(1);
            self.0.read(&mut buf[..n])
        }
    }

    fn encoded(text: &str, order: Utf16Order) -> Vec<u8> {
        let bytes = |unit: u16| match order {
            Utf16Order::Little => unit.to_le_bytes(),
            Utf16Order::Big => unit.to_be_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_the_same_in_any_order_with_a_mark_or_without() {
        let text = "{\"level\":\"info\",\"msg\":\"a é 😀\"}\n";
        for order_of in [Utf16Order::Little, Utf16Order::Big] {
            for mark in ["", "\u{feff}"] {
                let bytes = encoded(&format!("{mark}{}", text.repeat(20)), order_of);
                assert_eq!(order(&bytes), Some(order_of), "{mark:?}");
                let mut read = String::new();
                Utf16::new(Slow(&bytes), order_of).read_to_string(&mut read).expect("reads");
                assert_eq!(read, text.repeat(20));
            }
        }
    }

    #[test]
    fn halves_of_characters_are_replaced() {
        let mut bytes = encoded("a", Utf16Order::Little);
        bytes.extend_from_slice(&[0x3d, 0xd8, b'b', 0, 0x3d]);
        let mut read = String::new();
        Utf16::new(&bytes[..], Utf16Order::Little).read_to_string(&mut read).expect("reads");
        assert_eq!(read, "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn other_bytes_are_not_utf_16() {
        for bytes in
            [&[0; 100][..], b"plain text that is long enough", b"\xff\xfe\0\0a\0\0\0", b"a"]
        {
            assert_eq!(order(bytes), None);
        }
    }
}
