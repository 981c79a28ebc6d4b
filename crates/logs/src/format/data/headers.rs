//! Lines of a log that name its columns, and where they are.
//!
//! A log is read in pieces, by several threads: the line that names the columns of a piece may be
//! in an earlier one. So the reader looks back to the nearest place with a known header, and keeps
//! what it finds. Together, these looks are one pass over the log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::dialect::Dialect;

/// How far to look back; without a header in between, those at the start of the log apply.
const LOOK_BACK_BYTES_MAX: u64 = 256 << 20;

/// Bytes read at a time.
const STEP_BYTES: usize = 1 << 20;

/// The most bytes of header lines in a row.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// The most places that are kept.
const PLACES_MAX: usize = 1 << 16;

/// Reads bytes of a log at an offset; 0 at its end, or where it cannot be read.
pub(in crate::format) type ReadBytes<'a> = dyn Fn(&mut [u8], u64) -> usize + 'a;

/// The headers in force at places of one log.
#[derive(Default)]
pub(super) struct Headers {
    /// The header lines at the start of the log.
    first: Arc<[u8]>,
    at: Mutex<BTreeMap<u64, Arc<[u8]>>>,
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Headers({} bytes)", self.first.len())
    }
}

impl Headers {
    /// Those of a log with these sampled lines.
    pub(super) fn new(dialect: Dialect, sample: &[u8]) -> Self {
        let first = match dialect.mark() {
            Some(mark) => find_mark(sample, mark).map(|at| header_around(sample, at)),
            None => sample.split(|&b| b == b'\n').find(|line| dialect.is_header(line)),
        };
        Self { first: first.unwrap_or_default().into(), at: Mutex::default() }
    }

    /// The lines at the start of the log.
    pub(super) fn first(&self) -> Arc<[u8]> {
        Arc::clone(&self.first)
    }

    /// The header in force for the lines that begin at `start` or later.
    pub(super) fn in_force(&self, dialect: Dialect, start: u64, read: &ReadBytes<'_>) -> Arc<[u8]> {
        if start == 0 {
            return self.first();
        }
        let known = {
            let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            at.range(..=start).next_back().map(|(at, header)| (*at, Arc::clone(header)))
        };
        let (from, header) = known.unwrap_or_else(|| (0, self.first()));
        if from == start {
            return header;
        }
        let found = last_header(dialect, from, start, read).unwrap_or(header);
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.len() < PLACES_MAX {
            at.insert(start, Arc::clone(&found));
        }
        found
    }
}

/// The last header whose line begins in `from..to`.
fn last_header(dialect: Dialect, from: u64, to: u64, read: &ReadBytes<'_>) -> Option<Arc<[u8]>> {
    let mark = dialect.mark()?;
    let from = from.max(to.saturating_sub(LOOK_BACK_BYTES_MAX));
    let mut buf = vec![0; STEP_BYTES + mark.len()];
    let mut end = to;
    while end > from {
        let begin = end.saturating_sub(STEP_BYTES as u64).max(from);
        // A mark may begin in this step and end in the next one; the byte before says whether a line does.
        let length = (end - begin) as usize + mark.len() - 1;
        let got = fill(&mut buf[..length], begin, read);
        let found = memchr::memmem::rfind_iter(&buf[..got], mark).find(|&at| {
            let mut before = [0];
            match at {
                0 => begin == 0 || (read(&mut before, begin - 1) == 1 && before[0] == b'\n'),
                at => buf[at - 1] == b'\n',
            }
        });
        if let Some(at) = found {
            return Some(around(begin + at as u64, read));
        }
        end = begin;
    }
    None
}

/// The header whose mark is at `at`.
fn around(at: u64, read: &ReadBytes<'_>) -> Arc<[u8]> {
    let begin = at.saturating_sub(HEADER_BYTES_MAX as u64 / 2);
    let mut buf = vec![0; HEADER_BYTES_MAX];
    let got = fill(&mut buf, begin, read);
    header_around(&buf[..got], (at - begin) as usize).into()
}

fn fill(buf: &mut [u8], from: u64, read: &ReadBytes<'_>) -> usize {
    let mut got = 0;
    while got < buf.len() {
        match read(&mut buf[got..], from + got as u64) {
            0 => break,
            n => got += n,
        }
    }
    got
}

/// Where a line begins with `mark`.
fn find_mark(text: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(text, mark).find(|&at| at == 0 || text[at - 1] == b'\n')
}

/// The lines around `at` that begin with `#`.
fn header_around(text: &[u8], at: usize) -> &[u8] {
    // The log became shorter since the mark was found.
    if at >= text.len() {
        return &[];
    }
    let mut start = at;
    while start > 0 {
        let before = memchr::memrchr(b'\n', &text[..start - 1]).map_or(0, |feed| feed + 1);
        if text.get(before) != Some(&b'#') {
            break;
        }
        start = before;
    }
    let mut end = at;
    while text.get(end) == Some(&b'#') {
        end = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |feed| end + feed + 1);
    }
    &text[start..end.min(start + HEADER_BYTES_MAX)]
}
