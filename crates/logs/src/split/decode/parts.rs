//! A compressed file as the parts that it is made of: members of gzip, streams of bzip2 and xz, frames of
//! Zstandard and LZ4, in any number and one after the other, as appending makes them.

use std::io::{self, BufRead, Read};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bytes::Bytes;
use super::damage::{damaged, of_decoder};
use super::part::Part;
use super::signature::{Format, format};
use super::{lz4, members, xz, zstd};

/// How many bytes show how a part is compressed.
const SIGNATURE_BYTES: usize = 16;

/// The text of all parts of a compressed file.
pub(super) struct Parts {
    state: State,
    last: Option<Format>,
    /// Gets the number of bytes after the last part.
    ignored: Arc<AtomicU64>,
}

enum State {
    Between(Bytes),
    Within(Box<dyn Part>),
    Ended,
}

impl Parts {
    /// The text of `bytes`. `ignored` gets the number of bytes after the last part, if they are not
    /// an error.
    pub(super) fn new(bytes: Box<dyn Read + Send>, ignored: Arc<AtomicU64>) -> Self {
        Self { state: State::Between(Bytes::new(bytes)), last: None, ignored }
    }

    /// Begins the next part; `None` at the end.
    fn next(&mut self, mut bytes: Bytes) -> io::Result<Option<Box<dyn Part>>> {
        loop {
            let head = bytes.peek(SIGNATURE_BYTES)?;
            if head.is_empty() {
                return Ok(None);
            }
            let Some(format) = format(head) else {
                self.end(bytes)?;
                return Ok(None);
            };
            self.last = Some(format);
            if format != Format::Skippable {
                return begin(format, bytes).map(Some);
            }
            // Four bytes of signature, four of length, and as many bytes.
            let length = bytes.peek(8)?.last_chunk::<4>().map_or(0, |n| u32::from_le_bytes(*n));
            bytes.skip(8 + u64::from(length))?;
        }
    }

    /// Looks at what follows the last part. Zeros are padding, as tapes need it. Other bytes after
    /// gzip and bzip2 are ignored and counted; after all others they are damage. The formats' own
    /// programs do the same.
    fn end(&self, mut bytes: Bytes) -> io::Result<()> {
        let mut rest = 0;
        let mut is_padding = true;
        loop {
            let held = bytes.fill_buf()?;
            if held.is_empty() {
                break;
            }
            is_padding &= held.iter().all(|&b| b == 0);
            if !is_padding && !matches!(self.last, Some(Format::Gzip | Format::Bzip2)) {
                return Err(damaged());
            }
            let n = held.len();
            rest += n as u64;
            bytes.consume(n);
        }
        if !is_padding {
            self.ignored.fetch_max(rest, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Read for Parts {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            // After an error, there is nothing more to read.
            match mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(bytes) => {
                    if let Some(part) = self.next(bytes).map_err(of_decoder)? {
                        self.state = State::Within(part);
                    }
                }
                State::Within(mut part) => {
                    let n = part.read(buf).map_err(of_decoder)?;
                    if n > 0 || buf.is_empty() {
                        self.state = State::Within(part);
                        return Ok(n);
                    }
                    self.state = State::Between(part.into_bytes());
                }
            }
        }
    }
}

/// The decoder of the part that `bytes` begin with.
fn begin(format: Format, bytes: Bytes) -> io::Result<Box<dyn Part>> {
    Ok(match format {
        Format::Gzip => Box::new(members::Gzip::new(bytes)),
        Format::Bzip2 => Box::new(members::Bzip2::new(bytes)),
        Format::Zstd | Format::Skippable => Box::new(zstd::Frames::new(bytes)?),
        Format::Xz | Format::Lzma | Format::Lzip => Box::new(xz::Xz::new(format, bytes)?),
        Format::Lz4 => Box::new(lz4::Frame::new(bytes)),
        Format::Lz4Legacy => Box::new(lz4::Legacy::new(bytes)?),
    })
}
