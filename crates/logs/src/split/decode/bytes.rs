//! Compressed bytes, buffered.

use std::io::{self, BufRead, Read};

/// How many compressed bytes are read at a time.
const BUFFER_BYTES: usize = 128 << 10;

/// Compressed bytes that can be looked at before they are taken.
pub(super) struct Bytes {
    inner: Box<dyn Read + Send>,
    /// What was read and not yet taken is `buf[start..end]`.
    buf: Vec<u8>,
    start: usize,
    end: usize,
    ran_out: bool,
}

impl Bytes {
    /// The bytes that `inner` gives.
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { inner, buf: vec![0; BUFFER_BYTES], start: 0, end: 0, ran_out: false }
    }

    /// No bytes. Allocates nothing.
    pub(super) fn none() -> Self {
        Self { inner: Box::new(io::empty()), buf: Vec::new(), start: 0, end: 0, ran_out: false }
    }

    /// The next `n` bytes, at most 512, or fewer where the input ends before. They are not taken.
    pub(super) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.end - self.start < n {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.fill()? == 0 {
                break;
            }
        }
        Ok(&self.buf[self.start..self.end.min(self.start + n)])
    }

    /// Takes `n` bytes and drops them; an error where there are fewer.
    pub(super) fn skip(&mut self, n: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.by_ref().take(n), &mut io::sink())?;
        if skipped == n { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Whether a [`Read`] found no more bytes.
    pub(super) fn ran_out(&self) -> bool {
        self.ran_out
    }

    /// Reads more after what is held; 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        let n = read(&mut self.inner, &mut self.buf[self.end..])?;
        self.end += n;
        Ok(n)
    }
}

impl Read for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.start == self.end && buf.len() >= self.buf.len() {
            read(&mut self.inner, buf)?
        } else {
            let held = self.fill_buf()?;
            let n = held.len().min(buf.len());
            buf[..n].copy_from_slice(&held[..n]);
            self.consume(n);
            n
        };
        self.ran_out |= n == 0 && !buf.is_empty();
        Ok(n)
    }
}

impl BufRead for Bytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        Ok(&self.buf[self.start..self.end])
    }

    fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }
}

/// Reads once, and marks an error as one of the file, so that it is not taken for damage.
fn read(inner: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(buf) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(super::damage::not_readable(e)),
            Ok(n) => return Ok(n),
        }
    }
}
