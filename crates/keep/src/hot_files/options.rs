//! Bounds and freshness.

use std::time::Duration;

use super::HotFiles;
use crate::Result;

/// How [`HotFiles`] knows that a file is still what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// By events of `inotify(7)`: no system call per answer, and no answer older than
    /// `bound`. What cannot be watched is compared by `statx(2)` once per bound.
    Inotify {
        /// How old an answer may be.
        bound: Duration,
    },
    /// By `statx(2)` at each answer.
    Stat,
}

/// How a [`HotFiles`] is to be made.
#[derive(Debug, Clone)]
pub struct HotFilesOptions {
    pub(super) bytes_max: u64,
    pub(super) entries_max: u64,
    pub(super) file_bytes_max: u64,
    pub(super) freshness: Freshness,
    pub(super) recheck: Duration,
}

impl Default for HotFilesOptions {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            entries_max: 512,
            file_bytes_max: 1 << 20,
            freshness: Freshness::Inotify { bound: Duration::from_millis(10) },
            recheck: Duration::from_secs(1),
        }
    }
}

impl HotFilesOptions {
    /// Memory for all entries, bytes; 64 MiB by default.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes.clamp(1, 1 << 60);
        self
    }

    /// How many files are held at most, 8 to 1,048,576; 512 by default. Each takes a
    /// descriptor of the process (`ulimit -n`).
    #[must_use]
    pub fn entries_max(mut self, entries: u64) -> Self {
        self.entries_max = entries.clamp(8, 1 << 20);
        self
    }

    /// The longest file that is taken, bytes; 1 MiB by default.
    #[must_use]
    pub fn file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = bytes.min(1 << 60);
        self
    }

    /// How an answer is known to be fresh; by events with a bound of 10 ms by default.
    #[must_use]
    pub fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// How often watched files are compared by `statx(2)` all the same, for writers that
    /// raise no event; 1 s by default, and never less than the bound.
    #[must_use]
    pub fn recheck(mut self, every: Duration) -> Self {
        self.recheck = every;
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    /// When the longest file would not fit into the memory for all.
    pub fn build(self) -> Result<HotFiles> {
        HotFiles::build(self)
    }
}
