//! Zstandard.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::bytes::Bytes;
use super::damage::{damaged, unsupported};
use super::part::Part;
use super::signature::{Format, format};

/// The largest window that is accepted, as a power of two: 128 MiB, as with `zstd -d`. A decoder holds
/// as many bytes.
const WINDOW_LOG_MAX: u32 = 27;

/// Frames that follow each other. All are decoded with one context, as there may be one for every
/// few lines.
pub(super) struct Frames {
    bytes: Bytes,
    decoder: Decoder<'static>,
    is_within: bool,
}

impl Frames {
    pub(super) fn new(bytes: Bytes) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { bytes, decoder, is_within: false })
    }
}

impl Read for Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_within {
                // pzstd writes a frame without data before each frame.
                let next = format(self.bytes.peek(4)?);
                if !matches!(next, Some(Format::Zstd | Format::Skippable)) {
                    return Ok(0);
                }
                self.decoder.reinit()?;
                self.is_within = true;
            }
            let held = self.bytes.fill_buf()?;
            let is_end = held.is_empty();
            let (mut from, mut to) = (InBuffer::around(held), OutBuffer::around(&mut *buf));
            // 0 where the frame has ended and all of it was handed over.
            let more = self.decoder.run(&mut from, &mut to).map_err(|e| in_words(&e))?;
            let (taken, made) = (from.pos(), to.pos());
            self.bytes.consume(taken);
            self.is_within = more > 0;
            if made > 0 {
                return Ok(made);
            }
            if is_end && self.is_within {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Part for Frames {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.bytes
    }
}

/// An error of the decoder. The library gives them as the words of `ZSTD_getErrorName`.
fn in_words(e: &io::Error) -> io::Error {
    let words = e.to_string();
    if words.contains("too much memory") {
        let window_mib = (1_u64 << WINDOW_LOG_MAX) >> 20;
        unsupported(format!(
            "it was compressed with a window of more than {window_mib} MiB (zstd --long=28 or more); \
             decompress it with: zstd -d --long=31"
        ))
    } else if words.contains("ictionary") {
        unsupported(
            "it needs the dictionary that it was compressed with; decompress it with: zstd -d -D DICTIONARY",
        )
    } else {
        damaged()
    }
}
