//! What calls say about what they did, and why.

use crate::ReadPath;

pub use crate::ring_options::RingReport;

/// How much of a range is in the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Residency {
    /// Pages in the range.
    pub pages: u64,
    /// Pages of it that are resident.
    pub resident: u64,
    /// The call that answered: `cachestat` or `mincore`.
    pub by: &'static str,
}

impl Residency {
    /// Resident share, 0.0 to 1.0; an empty range counts as resident.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.pages == 0 { 1.0 } else { self.resident as f64 / self.pages as f64 }
    }
}

/// A choice of the chooser and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The path that was taken.
    pub path: ReadPath,
    /// Why, in one line.
    pub reason: String,
    /// Ranges read under this choice.
    pub ranges: u64,
    /// Bytes read under this choice.
    pub bytes: u64,
}

/// The last choices of a file and how much went which way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Explanation {
    /// The latest choices, oldest first; at most [`Explanation::KEPT`].
    pub choices: Vec<Choice>,
    /// Ranges by path since the file was opened.
    pub ranges_by_path: Vec<(ReadPath, u64)>,
    /// The ring of the calling thread that this file is read through; none before it was used.
    pub ring: Option<RingReport>,
}

impl Explanation {
    /// How many choices are kept.
    pub const KEPT: usize = 16;
}

/// The calls that copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CopyVia {
    /// `copy_file_range(2)`: file to file; on some file systems no bytes move at all.
    CopyFileRange,
    /// `sendfile(2)`: file to anything.
    Sendfile,
    /// `splice(2)`: file to pipe.
    Splice,
    /// `pread(2)` and `write(2)`.
    ReadWrite,
}

/// What was copied and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Bytes copied; fewer than asked where the file ends before.
    pub bytes: u64,
    /// The call that did it: the last one, where one took over from another.
    pub via: CopyVia,
}
