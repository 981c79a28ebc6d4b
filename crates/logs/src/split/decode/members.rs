//! gzip and bzip2.

use std::io::{self, Read};
use std::mem;

use super::bytes::Bytes;
use super::part::Part;
use super::signature::{Format, format};

/// Members of gzip that follow each other.
pub(super) struct Gzip(flate2::bufread::GzDecoder<Bytes>);

impl Gzip {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(flate2::bufread::GzDecoder::new(bytes))
    }
}

impl Read for Gzip {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.0.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            if format(self.0.get_mut().peek(2)?) != Some(Format::Gzip) {
                return Ok(0);
            }
            // Files may have a member for every few lines, and a decoder takes 50 KiB.
            let bytes = mem::replace(self.0.get_mut(), Bytes::none());
            self.0.reset(bytes);
        }
    }
}

impl Part for Gzip {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.0.into_inner()
    }
}

/// A stream of bzip2. Its decoder takes 4 MB at most.
pub(super) struct Bzip2(bzip2::bufread::BzDecoder<Bytes>);

impl Bzip2 {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bzip2::bufread::BzDecoder::new(bytes))
    }
}

impl Read for Bzip2 {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Part for Bzip2 {
    fn into_bytes(self: Box<Self>) -> Bytes {
        self.0.into_inner()
    }
}
