//! What a span stands for.

mod number;
mod order;
mod quantity;
mod rank;
mod short;
mod sum;
mod typed;

pub use number::{number, one_zero, parse_number};
#[cfg(feature = "arrow")]
pub(crate) use order::Decimal;
pub use order::compare_numbers;
pub(crate) use order::order;
pub use quantity::{Quantity, Unit, parse_quantity, write_quantity};
pub use rank::Rank;
pub(crate) use short::pack;
pub use sum::Sum;
pub use typed::{boolean, integer, is_null, known_time, time};

use std::borrow::Cow;

use crate::json::unescape;
use crate::record::{Span, SpanKind};

/// A span's text, with its escapes resolved; nothing where it is missing or null.
#[inline(always)]
#[must_use]
pub fn text<'a>(span: Span, block: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match span.kind {
        SpanKind::Missing | SpanKind::Null => None,
        SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => Some(resolved(span, block)),
        _ => Some(Cow::Borrowed(span.bytes(block))),
    }
}

/// A text without its escapes.
#[cold]
fn resolved<'a>(span: Span, block: &'a [u8]) -> Cow<'a, [u8]> {
    let text = span.bytes(block);
    match span.kind {
        SpanKind::Escaped => unescape(text),
        SpanKind::Quoted => unquote(text).into(),
        _ => halve(text).into(),
    }
}

/// Text with one quotation mark for two.
fn halve(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        bytes.next_if(|next| byte == b'"' && *next == b'"');
        out.push(byte);
    }
    out
}

/// Text without the backslashes that escape what RFC 5424 has escaped.
fn unquote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = bytes.next_if(|next| byte == b'\\' && matches!(next, b'"' | b'\\' | b']'));
        out.push(escaped.unwrap_or(byte));
    }
    out
}
