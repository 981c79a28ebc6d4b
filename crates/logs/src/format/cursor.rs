//! Reading a line from left to right.

use crate::bad::Reason;
use crate::record::{FieldId, Fields, Record, Span, SpanKind};

/// A step, or the line is not of this format.
pub(super) type Step<T> = Result<T, Reason>;

pub(super) struct Cursor<'a> {
    pub(super) block: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(block: &'a [u8], start: usize, end: usize) -> Self {
        Self { block, at: start, end }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.block[self.at..self.end]
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Step<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(Reason::NoMatch)
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// The bytes up to `byte`, which is passed over.
    #[inline]
    pub(super) fn until(&mut self, byte: u8) -> Step<Span> {
        let length = memchr::memchr(byte, self.rest()).ok_or(Reason::NoMatch)?;
        let span = Span::new(SpanKind::Str, self.at, self.at + length);
        self.at += length + 1;
        Ok(span)
    }

    /// The bytes up to the next space or the end; the space is passed over. Not empty.
    #[inline]
    pub(super) fn token(&mut self) -> Step<Span> {
        let rest = self.rest();
        // Tokens are short: a loop beats a call.
        let length = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        if length == 0 {
            return Err(Reason::NoMatch);
        }
        let span = Span::new(SpanKind::Str, self.at, self.at + length);
        self.at = (self.at + length + 1).min(self.end);
        Ok(span)
    }

    /// The inside of a quoted string, in which a backslash escapes; a space after it is
    /// passed over.
    #[inline]
    pub(super) fn quoted(&mut self) -> Step<Span> {
        self.expect(b'"')?;
        let start = self.at;
        let mut kind = SpanKind::Str;
        loop {
            let found = memchr::memchr2(b'"', b'\\', self.rest()).ok_or(Reason::EndsEarly)?;
            self.at += found;
            if self.peek() == Some(b'"') {
                break;
            }
            kind = SpanKind::Escaped;
            self.at = (self.at + 2).min(self.end);
        }
        let span = Span::new(kind, start, self.at);
        self.at += 1;
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        Ok(span)
    }

    /// All that is left, as text.
    pub(super) fn remainder(&mut self) -> Span {
        let span = Span::new(SpanKind::Str, self.at, self.end);
        self.at = self.end;
        span
    }
}

/// What text without quotes is: a number, a bool, `-` for nothing, or text.
#[inline]
pub(super) fn classify(span: Span, block: &[u8]) -> Span {
    let bytes = span.bytes(block);
    let kind = match bytes {
        b"-" => SpanKind::Null,
        b"true" | b"false" => SpanKind::Bool,
        [b'0'..=b'9' | b'-', ..] => number_kind(bytes),
        _ => SpanKind::Str,
    };
    Span { kind, ..span }
}

/// Decimal numbers with up to 18 whole digits. All else is text, as are leading zeros and
/// exponents.
fn number_kind(bytes: &[u8]) -> SpanKind {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if whole == 0 || whole > 18 || (whole > 1 && digits[0] == b'0') {
        return SpanKind::Str;
    }
    match &digits[whole..] {
        [] => SpanKind::Int,
        [b'.', rest @ ..] if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) => {
            SpanKind::Float
        }
        _ => SpanKind::Str,
    }
}

/// A field of a format, where it is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot(Option<FieldId>);

impl Slot {
    pub(super) fn new(fields: &mut Fields, name: &str) -> Self {
        Self(fields.add(name))
    }

    /// The value that `record` has for it.
    #[inline]
    pub(super) fn get(self, record: &Record) -> Span {
        self.0.map(|id| record.get(id)).unwrap_or_default()
    }

    /// The field, if it was asked for.
    pub(super) fn wanted(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self::new(fields, name)).filter(|slot| slot.0.is_some())
    }

    pub(super) fn id(self) -> Option<FieldId> {
        self.0
    }

    #[inline]
    pub(super) fn set(self, record: &mut Record, span: Span) {
        if let Some(id) = self.0 {
            record.set(id, span);
        }
    }
}
