//! Lines that do not come from a pass but from logs that are followed.

use super::worker::Scanner;
use super::{Log, Part, Request, Sink};
use crate::split::{Block, RECORD_BYTES_MAX, Task, Worker};

/// Parses and filters lines as they are handed in.
///
/// Where a record may have several lines, the last one is held until the next one begins, or until
/// [`Feed::flush`].
pub struct Feed<'a, S: Sink> {
    scanner: Scanner<'a, S>,
    held: Vec<Held>,
}

/// The last record of a log: where it begins, and its lines so far.
#[derive(Debug, Clone, Default)]
struct Held {
    offset: u64,
    bytes: Vec<u8>,
}

impl<'a, S: Sink> Feed<'a, S> {
    /// Hands the records of `logs` that `request` lets through to `sink`.
    #[must_use]
    pub fn new(logs: &'a [Log], request: &'a Request, sink: S) -> Self {
        let held = vec![Held::default(); logs.len()];
        let mut scanner = Scanner::new(logs, request, sink);
        scanner.follows = true;
        Self { scanner, held }
    }

    /// What is made of whole lines of log `log`; `offset` is where in it they begin.
    pub fn lines(&mut self, log: usize, offset: u64, bytes: &[u8]) -> Part<S::Out> {
        self.begin(log, offset);
        if !self.scanner.joins_lines() {
            self.block(offset, bytes);
            return self.scanner.take(true);
        }
        let mut held = std::mem::take(&mut self.held[log]);
        if held.bytes.is_empty() || held.offset + held.bytes.len() as u64 != offset {
            self.block(held.offset, &held.bytes);
            held = Held { offset, bytes: Vec::new() };
        }
        held.bytes.extend_from_slice(bytes);
        let whole = self.whole_records(&held.bytes);
        self.begin(log, held.offset);
        self.block(held.offset, &held.bytes[..whole]);
        held.bytes.drain(..whole);
        held.offset += whole as u64;
        self.held[log] = held;
        self.scanner.take(true)
    }

    /// What is made of the record of log `log` that is held.
    pub fn flush(&mut self, log: usize) -> Part<S::Out> {
        let held = std::mem::take(&mut self.held[log]);
        self.begin(log, held.offset);
        self.block(held.offset, &held.bytes);
        self.scanner.take(true)
    }

    /// Whether `line` of log `log` begins a record.
    pub fn begins_record(&mut self, log: usize, line: &[u8]) -> bool {
        self.begin(log, 1);
        self.scanner.begins_record(line)
    }

    /// Whether a record of log `log` is held.
    #[must_use]
    pub fn holds(&self, log: usize) -> bool {
        self.held.get(log).is_some_and(|held| !held.bytes.is_empty())
    }

    /// What is made of a line that is too long: a bad line. `bytes` counts its line feed if it has one.
    pub fn long_line(&mut self, log: usize, offset: u64, bytes: u64, start: &[u8]) -> Part<S::Out> {
        let held = std::mem::take(&mut self.held[log]);
        self.begin(log, held.offset);
        self.block(held.offset, &held.bytes);
        self.scanner.long_line(offset, bytes, start);
        self.scanner.take(true)
    }

    /// The sink, with what it holds.
    #[must_use]
    pub fn into_sink(self) -> S {
        self.scanner.into_sink()
    }

    fn begin(&mut self, log: usize, offset: u64) {
        self.scanner.begin(&Task { input: log, range: offset..u64::MAX });
    }

    fn block(&mut self, offset: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            // A scanner has no reason of its own to stop.
            let _ = self.scanner.block(Block { offset, bytes });
        }
    }

    /// Where the last record of `bytes` begins, or the end of what is too long to be held.
    fn whole_records(&mut self, bytes: &[u8]) -> usize {
        if bytes.len() > RECORD_BYTES_MAX {
            return bytes.len();
        }
        let mut end = bytes.len();
        while end > 0 {
            let start = memchr::memrchr(b'\n', &bytes[..end - 1]).map_or(0, |at| at + 1);
            let line = bytes[start..end].strip_suffix(b"\n").unwrap_or(&bytes[start..end]);
            if self.scanner.begins_record(line) {
                return start;
            }
            end = start;
        }
        0
    }
}
