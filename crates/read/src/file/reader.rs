//! A range of a file as a stream: the traits of `std::io`.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::ops::{Range, RangeBounds};

use cutwater_sys::Errno;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::OFFSET_MAX;

use super::{File, bounds};
use crate::Result;
use crate::error::{Action, Error};

/// Bytes read ahead at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads a range of a file in order, or from where it is set: [`Read`], [`BufRead`] and [`Seek`],
/// for parsers and decoders that take those. See [`File::reader`].
///
/// Its position is an offset of the file. At the end of the file it reads 0 bytes, and goes on where
/// the file has grown since. Reads of 256 KiB, the length of its buffer, or more bypass it.
#[derive(Debug)]
pub struct Reader {
    file: File,
    range: Range<u64>,
    /// Where the byte that is read next is.
    position: u64,
    buf: Buffer,
    /// What of `buf` was not taken yet; it ends where the next read of the file begins.
    left: Range<usize>,
}

impl File {
    /// A stream of the bytes of `range`, for code that takes [`Read`], [`BufRead`] or [`Seek`];
    /// `..` is all there is and all that comes. It keeps the file open.
    ///
    /// # Errors
    /// When there is no memory for its buffer.
    ///
    /// ```
    /// use std::io::BufRead;
    /// use cutwater::File;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manifest = File::open("Cargo.toml")?;
    /// let mut lines = manifest.reader(..)?.lines();
    /// assert_eq!(lines.next().transpose()?.as_deref(), Some("[package]"));
    /// # Ok(()) }
    /// ```
    pub fn reader(&self, range: impl RangeBounds<u64>) -> Result<Reader> {
        let range = bounds(&range);
        let action = Action::Read { offset: range.start, len: BUFFER_BYTES as u64 };
        let buf = Buffer::new(BUFFER_BYTES).map_err(|e| Error::os(action, self.0.path(), e))?;
        let range = range.start.min(OFFSET_MAX)..range.end.min(OFFSET_MAX);
        let position = range.start;
        Ok(Reader { file: self.clone(), range, position, buf, left: 0..0 })
    }
}

impl Reader {
    /// The offset in the file of the byte that is read next.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of the range from the position on, at most `most`.
    fn wanted(&self, most: usize) -> usize {
        let left = self.range.end.saturating_sub(self.position);
        usize::try_from(left).unwrap_or(usize::MAX).min(most)
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() && out.len() >= self.buf.len() {
            let wanted = self.wanted(out.len());
            let n = self.file.stream_at(&mut out[..wanted], self.position)?;
            self.position += n as u64;
            return Ok(n);
        }
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(out.len());
        out[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left.is_empty() {
            let wanted = self.wanted(self.buf.len());
            let buf = &mut self.buf.as_mut_slice()[..wanted];
            self.left = 0..self.file.stream_at(buf, self.position)?;
        }
        Ok(&self.buf.as_slice()[self.left.clone()])
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.left.len());
        self.left.start += n;
        self.position += n as u64;
    }
}

impl Seek for Reader {
    /// Goes to an offset of the file. The end is that of the range, or of the file where that ends
    /// before. Places before the range are refused; past its end there is nothing to read.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                let end =
                    self.file.size()?.clamp(self.range.start, self.range.end.max(self.range.start));
                end.checked_add_signed(by)
            }
        };
        let to = to.filter(|to| (self.range.start..=OFFSET_MAX).contains(to));
        let to = to.ok_or_else(|| io::Error::from(Errno::INVAL))?;
        match to.checked_sub(self.position).and_then(|n| usize::try_from(n).ok()) {
            Some(ahead) if ahead < self.left.len() => self.consume(ahead),
            _ => (self.position, self.left) = (to, 0..0),
        }
        Ok(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 3 * BUFFER_BYTES + 77;

    fn sample() -> (tempfile::NamedTempFile, Vec<u8>, File) {
        let bytes: Vec<u8> = (0..LEN).map(|i| (i / 253 + i) as u8).collect();
        let named = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(named.path(), &bytes).unwrap();
        let file = File::open(named.path()).unwrap();
        (named, bytes, file)
    }

    #[test]
    fn a_stream_has_the_bytes_of_its_range_however_it_is_read() {
        let (_named, bytes, file) = sample();
        for range in [0..LEN, 5..LEN - 3, 100..101, LEN..LEN + 9, 7..7] {
            let expected = bytes.get(range.start..range.end.min(LEN)).unwrap_or_default();
            let (start, end) = (range.start as u64, range.end as u64);
            let reader = || match (start, end as usize) {
                (0, LEN) => file.reader(..).unwrap(),
                (_, LEN) => file.reader(start..=end - 1).unwrap(),
                _ => file.reader(start..end).unwrap(),
            };
            let mut whole = Vec::new();
            reader().read_to_end(&mut whole).unwrap();
            assert!(whole == expected, "{range:?}");
            for step in [1009, BUFFER_BYTES - 1, BUFFER_BYTES, 2 * BUFFER_BYTES] {
                let (mut reader, mut parts) = (reader(), Vec::new());
                let mut part = vec![0; step];
                loop {
                    match reader.read(&mut part).unwrap() {
                        0 => break,
                        n => parts.extend_from_slice(&part[..n]),
                    }
                }
                assert!(parts == expected, "{range:?} by {step}");
                assert_eq!(reader.position(), (range.start + expected.len()) as u64);
            }
        }
    }

    #[test]
    fn a_stream_reads_from_where_it_is_set() {
        let (_named, bytes, file) = sample();
        let (start, end) = (1000, LEN as u64 - 1000);
        let mut reader = file.reader(start..end).unwrap();
        let mut at = |to, expected: u64| {
            assert_eq!(reader.seek(to).unwrap(), expected, "{to:?}");
            let mut out = [0; 10];
            let n = reader.read(&mut out).unwrap();
            let from = (expected as usize).min(end as usize);
            assert_eq!(&out[..n], &bytes[from..(from + 10).min(end as usize)], "{to:?}");
        };
        at(SeekFrom::Start(start), start);
        at(SeekFrom::Current(90), start + 100);
        at(SeekFrom::Current(-110), start);
        at(SeekFrom::Start(end - 4), end - 4);
        at(SeekFrom::End(-5), end - 5);
        at(SeekFrom::End(5), end + 5);
        at(SeekFrom::Start(OFFSET_MAX), OFFSET_MAX);
        for to in [SeekFrom::Start(999), SeekFrom::Start(u64::MAX), SeekFrom::End(i64::MIN)] {
            assert_eq!(reader.seek(to).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{to:?}");
        }
        assert_eq!(reader.stream_position().unwrap(), OFFSET_MAX);
    }

    #[test]
    fn a_stream_goes_on_where_the_file_has_grown() {
        use std::io::Write;
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(b"one\nt").unwrap();
        let mut reader = File::open(named.path()).unwrap().reader(..).unwrap();
        let mut line = String::new();
        assert_eq!(reader.read_line(&mut line).unwrap(), 4);
        assert_eq!(reader.read_line(&mut line).unwrap(), 1);
        assert_eq!(reader.read_line(&mut line).unwrap(), 0);
        named.write_all(b"wo\n").unwrap();
        assert_eq!(reader.read_line(&mut line).unwrap(), 3);
        assert_eq!(line, "one\ntwo\n");
    }
}
