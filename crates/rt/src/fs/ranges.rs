//! Ranges of a file that are known ahead, as a stream.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::file::File;

/// Ranges that are read at a time.
const READS_MAX: usize = 64;

/// The longest range, as each takes a buffer of its size. The caller divides longer ones.
const RANGE_BYTES_MAX: u64 = 64 << 20;

type Read<'a> = Pin<Box<dyn Future<Output = (usize, io::Result<Vec<u8>>)> + 'a>>;

/// Reads up to 64 ranges at a time. Yields the index of each with its bytes, fewer at the end of the file,
/// in the order in which the reads end.
pub struct Ranges<'a> {
    file: &'a File,
    ranges: Vec<Range<u64>>,
    next: usize,
    reads: Vec<Read<'a>>,
}

impl std::fmt::Debug for Ranges<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ranges")
            .field("left", &(self.ranges.len() - self.next))
            .finish_non_exhaustive()
    }
}

impl File {
    /// Reads ranges that are known ahead, in the order in which they come; see [`Ranges`].
    #[must_use]
    pub fn read_ranges(&self, ranges: Vec<Range<u64>>) -> Ranges<'_> {
        Ranges::new(self, ranges)
    }
}

impl<'a> Ranges<'a> {
    fn new(file: &'a File, ranges: Vec<Range<u64>>) -> Self {
        Self { file, ranges, next: 0, reads: Vec::new() }
    }

    /// The next range, or `None` after the last.
    pub async fn next(&mut self) -> Option<(usize, io::Result<Vec<u8>>)> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn begin(&mut self) {
        while self.reads.len() < READS_MAX && self.next < self.ranges.len() {
            let (file, index, range) = (self.file, self.next, self.ranges[self.next].clone());
            self.next += 1;
            self.reads.push(Box::pin(async move { (index, read(file, range).await) }));
        }
    }
}

async fn read(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let len = range.end.saturating_sub(range.start);
    if len > RANGE_BYTES_MAX {
        let what = format!("a range of {len} bytes; {RANGE_BYTES_MAX} are the most");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let (mut buf, mut done) = (vec![0; len as usize], 0);
    while done < buf.len() {
        let (read, back) = file.read_from(buf, done, range.start + done as u64).await;
        buf = back;
        match read? {
            0 => break,
            n => done += n,
        }
    }
    buf.truncate(done);
    Ok(buf)
}

impl Stream for Ranges<'_> {
    type Item = (usize, io::Result<Vec<u8>>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.begin();
        for at in 0..this.reads.len() {
            if let Poll::Ready(item) = this.reads[at].as_mut().poll(cx) {
                drop(this.reads.swap_remove(at));
                return Poll::Ready(Some(item));
            }
        }
        if this.reads.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}
