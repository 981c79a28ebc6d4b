//! Why compressed bytes cannot be decoded, in words.

use std::fmt;
use std::io::{self, Read};

/// An error of the file, and not of what is in it.
#[derive(Debug)]
struct NotReadable(io::Error);

impl fmt::Display for NotReadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotReadable {}

/// Why a file is not read though it is not damaged. Ends in the command that helps, without the
/// name of the file, which is not known here.
#[derive(Debug)]
pub(crate) struct Advice(String);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Advice {}

/// Whether `e` ends in a command that lacks the name of the file.
pub(crate) fn is_advice(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|inner| inner.is::<Advice>())
}

/// Marks `e` as an error of the file. One from another decoder stays as it is.
pub(super) fn not_readable(e: io::Error) -> io::Error {
    if is_settled(&e) { e } else { io::Error::new(e.kind(), NotReadable(e)) }
}

/// Reduces an error of a decoder to: the file ends too early, is damaged, or is not supported.
pub(super) fn of_decoder(e: io::Error) -> io::Error {
    if is_settled(&e) { e } else { damaged() }
}

fn is_settled(e: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(e.kind(), UnexpectedEof | InvalidData)
        || is_advice(e)
        || e.get_ref().is_some_and(|inner| inner.is::<NotReadable>())
}

/// Bytes that break the rules of their format.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "damaged data")
}

/// Valid bytes that are not read here; `words` end in the command that helps ([`Advice`]).
pub(super) fn unsupported(words: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, Advice(words.into()))
}

/// What a decoder makes, with errors that say how much of it there was.
pub(super) struct Checked {
    inner: Box<dyn Read + Send>,
    bytes: u64,
}

impl Checked {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { inner, bytes: 0 }
    }

    fn in_words(&self, e: io::Error) -> io::Error {
        let e = match e.downcast::<NotReadable>() {
            Ok(NotReadable(e)) => return e,
            Err(e) if is_advice(&e) => return e,
            Err(e) => e,
        };
        let (kind, what) = match e.kind() {
            io::ErrorKind::UnexpectedEof => (e.kind(), "unexpected end of file"),
            _ => (io::ErrorKind::InvalidData, "damaged data"),
        };
        let words = format!("{what} after {} bytes of text; the rest is missing", self.bytes);
        io::Error::new(kind, words)
    }
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf).map_err(|e| self.in_words(e))?;
        self.bytes += n as u64;
        Ok(n)
    }
}
