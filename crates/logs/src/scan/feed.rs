//! Lines that do not come from a pass but from logs that are followed.

use super::worker::Scanner;
use super::{Log, Part, Request, Sink};
use crate::split::{Block, Task, Worker};

/// Parses and filters lines as they are handed in.
pub struct Feed<'a, S: Sink>(Scanner<'a, S>);

impl<'a, S: Sink> Feed<'a, S> {
    /// Hands the records of `logs` that `request` lets through to `sink`.
    #[must_use]
    pub fn new(logs: &'a [Log], request: &'a Request, sink: S) -> Self {
        let mut scanner = Scanner::new(logs, request, sink);
        scanner.follows = true;
        Self(scanner)
    }

    /// What is made of whole lines of log `log`; `offset` is where in it they begin.
    pub fn lines(&mut self, log: usize, offset: u64, bytes: &[u8]) -> Part<S::Out> {
        self.0.begin(&Task { input: log, range: offset..offset + bytes.len() as u64 });
        // A scanner has no reason of its own to stop.
        let _ = self.0.block(Block { offset, bytes });
        self.0.take(true)
    }

    /// What is made of a line that is too long: a bad line.
    pub fn long_line(
        &mut self,
        log: usize,
        offset: u64,
        length: u64,
        start: &[u8],
    ) -> Part<S::Out> {
        self.0.begin(&Task { input: log, range: offset..offset + length });
        self.0.long_line(offset, length, start);
        self.0.take(true)
    }

    /// The sink, with what it holds.
    #[must_use]
    pub fn into_sink(self) -> S {
        self.0.into_sink()
    }
}
