//! What a peer is asked to read and what it answers.

use std::path::PathBuf;
use std::time::Duration;

use cutwater_meter::Checksum;

use super::PeerError;

/// A range to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it starts in the file.
    pub offset: u64,
    /// Its length, bytes.
    pub len: usize,
}

/// The same work for every peer.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The file to open.
    pub path: PathBuf,
    /// What to read, in order, all of it known ahead.
    pub spans: Vec<Span>,
    /// Reads in flight at once, over all threads.
    pub depth: usize,
    /// Threads, each with a runtime of its own; thread `i` of `n` takes spans `i`, `i + n`, ...
    pub threads: usize,
    /// Whether the offsets have no order: for peers that can tell the kernel.
    #[cfg_attr(not(feature = "peer-memmap2"), expect(dead_code, reason = "only a map says so"))]
    pub random: bool,
    /// Whether reads past the page cache are allowed.
    pub direct: bool,
}

impl Job {
    /// Reads that one thread keeps in flight.
    pub(crate) fn depth_per_thread(&self) -> usize {
        (self.depth / self.threads.max(1)).max(1)
    }

    /// The longest span, bytes: what a buffer must hold.
    pub(crate) fn len_max(&self) -> usize {
        self.spans.iter().map(|s| s.len).max().unwrap_or(0)
    }

    /// Bytes in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.spans.iter().map(|s| s.len as u64).sum()
    }

    /// The spans of thread `index`.
    pub(crate) fn share(&self, index: usize) -> Vec<Span> {
        self.spans.iter().copied().skip(index).step_by(self.threads.max(1)).collect()
    }
}

/// What was read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Of every byte with its offset.
    pub checksum: Checksum,
    /// Bytes.
    pub bytes: u64,
}

impl Tally {
    /// Adds bytes read at `offset`.
    pub(crate) fn add(&mut self, offset: u64, bytes: &[u8]) {
        self.checksum.add(offset, bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Adds a read that has to have filled `span`.
    pub(crate) fn add_whole(&mut self, span: Span, bytes: &[u8]) -> Result<(), PeerError> {
        if bytes.len() != span.len {
            let (offset, asked, got) = (span.offset, span.len, bytes.len());
            return Err(PeerError::Short { offset, asked, got });
        }
        self.add(span.offset, bytes);
        Ok(())
    }

    /// Adds what another lane or thread has read.
    pub(crate) fn merge(&mut self, other: Self) {
        self.checksum.merge(other.checksum);
        self.bytes += other.bytes;
    }
}

/// What a run gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// From the moment every thread was ready to the last byte.
    pub elapsed: Duration,
    /// What was read.
    pub tally: Tally,
}
