//! xz, and the two other formats of LZMA that its library knows.

use std::io::{self, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{Error, Stream};

use super::bytes::Bytes;
use super::damage::unsupported;
use super::part::Part;
use super::signature::Format;

/// The most memory that a decoder may take: dictionaries of 128 MiB, twice that of `xz -9`, and what
/// goes with them.
const MEMORY_BYTES_MAX: u64 = 144 << 20;

/// A stream of xz, `.lzma` or lzip.
pub(super) struct Xz(XzDecoder<Bytes>);

impl Xz {
    pub(super) fn new(format: Format, bytes: Bytes) -> io::Result<Self> {
        let stream = match format {
            Format::Lzip => Stream::new_lzip_decoder(MEMORY_BYTES_MAX, 0),
            Format::Lzma => Stream::new_lzma_decoder(MEMORY_BYTES_MAX),
            _ => Stream::new_stream_decoder(MEMORY_BYTES_MAX, 0),
        };
        Ok(Self(XzDecoder::new_stream(bytes, stream?)))
    }
}

impl Read for Xz {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf).map_err(in_words)
    }
}

impl Part for Xz {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.0.into_inner()
    }
}

fn in_words(e: io::Error) -> io::Error {
    match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::MemLimit) => unsupported(format!(
            "it needs more than {} MiB of memory to be decompressed (xz --lzma2=dict=); decompress \
             it with: xz -d",
            MEMORY_BYTES_MAX >> 20
        )),
        _ => e,
    }
}
