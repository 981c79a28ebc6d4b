//! `GET /path HTTP/1.1` as `method`, `path` and `protocol`.

use super::cursor::Slot;
use crate::record::{Fields, Record, Span, SpanKind};

/// The parts of a request line.
#[derive(Debug)]
pub(super) struct Request {
    method: Slot,
    path: Slot,
    protocol: Slot,
    /// Whether `https://host:443` is left out of a path.
    no_authority: bool,
}

impl Request {
    pub(super) fn new(fields: &mut Fields) -> Self {
        let mut slot = |name| Slot::new(fields, name);
        let (method, path, protocol) = (slot("method"), slot("path"), slot("protocol"));
        Self { method, path, protocol, no_authority: false }
    }

    /// The parts, unless none is wanted.
    pub(super) fn wanted(fields: &mut Fields, no_authority: bool) -> Option<Self> {
        let request = Self { no_authority, ..Self::new(fields) };
        let ids = [request.method, request.path, request.protocol].map(Slot::id);
        ids.iter().any(Option::is_some).then_some(request)
    }

    /// `GET /path HTTP/1.1`, or `GET /path` as HTTP/0.9 has it; what is not of this shape has no parts.
    pub(super) fn set(&self, request: Span, block: &[u8], record: &mut Record) {
        let bytes = request.bytes(block);
        let Some(space) = bytes.iter().position(|&b| b == b' ') else { return };
        let protocol = memchr::memrchr(b' ', bytes)
            .filter(|&last| last > space && bytes[last + 1..].starts_with(b"HTTP/"));
        if protocol.is_none() && !is_simple_request(bytes, space) {
            return;
        }
        let last = protocol.unwrap_or(bytes.len());
        let start = request.start as usize;
        let part = |from: usize, to: usize| Span::new(SpanKind::Str, start + from, start + to);
        self.method.set(record, part(0, space));
        let from =
            space + 1 + if self.no_authority { authority(&bytes[space + 1..last]) } else { 0 };
        self.path.set(record, Span { kind: request.kind, ..part(from, last) });
        if protocol.is_some() {
            self.protocol.set(record, part(last + 1, bytes.len()));
        }
    }
}

/// The length of `https://host:443` before a path.
fn authority(target: &[u8]) -> usize {
    let scheme = [b"http://".as_slice(), b"https://", b"ws://", b"wss://"];
    let Some(scheme) = scheme.into_iter().find(|scheme| target.starts_with(scheme)) else {
        return 0;
    };
    memchr::memchr(b'/', &target[scheme.len()..]).map_or(0, |at| scheme.len() + at)
}

/// Whether a request without a protocol at its end has a method before `space` and a path after it,
/// and is not garbage.
#[cold]
fn is_simple_request(bytes: &[u8], space: usize) -> bool {
    let (method, path) = (&bytes[..space], &bytes[space + 1..]);
    let cut_off = memchr::memmem::find(path, b" HTTP").is_some();
    !method.is_empty()
        && method.iter().all(u8::is_ascii_uppercase)
        && path.starts_with(b"/")
        && !cut_off
}
