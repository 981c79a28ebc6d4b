//! LZ4: its frame format, and the legacy format, which is blocks without an end.

use std::io::{self, Read};

use lz4_flex::block::decompress_into;
use lz4_flex::frame::{Error, FrameDecoder};

use super::bytes::Bytes;
use super::damage::{damaged, unsupported};
use super::part::Part;

/// A frame. Blocks are at most 4 MiB, and its decoder takes three times that.
pub(super) struct Frame(FrameDecoder<Bytes>);

impl Frame {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(FrameDecoder::new(bytes))
    }
}

impl Read for Frame {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf).map_err(in_words)?;
        // The decoder takes a file that ends between two blocks for whole. If it read on and found
        // no bytes, the end mark of the frame is missing.
        if n == 0 && self.0.get_ref().ran_out() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(n)
    }
}

impl Part for Frame {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.0.into_inner()
    }
}

fn in_words(e: io::Error) -> io::Error {
    match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::DictionaryNotSupported) => unsupported(
            "it needs the dictionary that it was compressed with; decompress it with: lz4 -d -D DICTIONARY",
        ),
        Some(_) => damaged(),
        None => e,
    }
}

/// The bytes of a block of the legacy format, before it is compressed.
const LEGACY_BLOCK_BYTES: usize = 8 << 20;

/// The largest compressed block: data without repetition grows.
const LEGACY_COMPRESSED_MAX: usize = LEGACY_BLOCK_BYTES + LEGACY_BLOCK_BYTES / 255 + 16;

/// The blocks of the legacy format: the length of each, and as many bytes.
pub(super) struct Legacy {
    bytes: Bytes,
    compressed: Vec<u8>,
    block: Vec<u8>,
    /// What is not yet handed over is `block[start..end]`.
    start: usize,
    end: usize,
}

impl Legacy {
    pub(super) fn new(mut bytes: Bytes) -> io::Result<Self> {
        bytes.skip(4)?;
        Ok(Self { bytes, compressed: Vec::new(), block: Vec::new(), start: 0, end: 0 })
    }

    /// Decodes the next block; false where none follows. A length that no block has is
    /// the signature of what follows, or damage.
    fn next(&mut self) -> io::Result<bool> {
        let length = match self.bytes.peek(4)? {
            [] => return Ok(false),
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        if length == 0 || length > LEGACY_COMPRESSED_MAX {
            return Ok(false);
        }
        self.bytes.skip(4)?;
        self.compressed.resize(length, 0);
        self.bytes.read_exact(&mut self.compressed)?;
        self.block.resize(LEGACY_BLOCK_BYTES, 0);
        let made = decompress_into(&self.compressed, &mut self.block).map_err(|_| damaged())?;
        (self.start, self.end) = (0, made);
        Ok(true)
    }
}

impl Read for Legacy {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.start == self.end {
            if !self.next()? {
                return Ok(0);
            }
        }
        let n = buf.len().min(self.end - self.start);
        buf[..n].copy_from_slice(&self.block[self.start..self.start + n]);
        self.start += n;
        Ok(n)
    }
}

impl Part for Legacy {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.bytes
    }
}
