//! The words that callers use: paths, patterns, orders, pieces.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A way to read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum ReadPath {
    /// `pread(2)` in a loop: the baseline.
    Read,
    /// `preadv2(2)` with pooled vectors and page-aligned buffers.
    Preadv,
    /// A copy from a map of the file (`mmap(2)`).
    Mmap,
    /// Reads queued on `io_uring(7)`, through the page cache.
    Uring,
    /// Reads queued on `io_uring(7)`, past the page cache (`O_DIRECT`).
    UringDirect,
    /// What measures best for each range: the chooser.
    #[default]
    Auto,
}

impl ReadPath {
    /// Every path, in the order in which reports list them.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Preadv, Self::Mmap, Self::Uring, Self::UringDirect, Self::Auto];

    /// The name used on the command line and in exported data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Preadv => "preadv",
            Self::Mmap => "mmap",
            Self::Uring => "uring",
            Self::UringDirect => "uring-direct",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for ReadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ReadPath {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no read path is called {name:?}; the paths are {names}")
        })
    }
}

/// How the caller is going to read; what it declares, the chooser need not find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pattern {
    /// Not declared: observed from the reads.
    #[default]
    Observed,
    /// In order, each byte once.
    Sequential,
    /// No order.
    Random,
}

/// Whether bytes will be wanted again, which decides if they are worth caching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reuse {
    /// Not declared: reads go past the page cache where that is faster, until as many
    /// bytes as the file holds were read so; from then on the cache is filled.
    #[default]
    Unknown,
    /// Each byte once: leave the page cache as it is.
    Once,
    /// Again and again: fill the page cache.
    Again,
}

/// The order in which [`crate::File::read_ranges`] hands over its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Order {
    /// As they arrive: fastest.
    #[default]
    Completion,
    /// In the order of the list.
    Listed,
}

/// Bytes of one range, lent until the callback returns.
///
/// A range longer than a buffer slot comes in several pieces, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece<'a> {
    /// Index of the range in the list.
    pub index: usize,
    /// Offset in the file of the first of `bytes`.
    pub offset: u64,
    /// The bytes. Empty only in the last piece of a range that starts at or past the end.
    pub bytes: &'a [u8],
    /// Whether this is the last piece of its range.
    pub last: bool,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Ranges handed over whole.
    pub ranges: u64,
    /// Bytes handed over.
    pub bytes: u64,
    /// Ranges that the end of the file cut short.
    pub short: u64,
    /// Whether the callback ended the pass early.
    pub stopped: bool,
}

/// Where [`crate::File::par_shards`] may cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// At page boundaries.
    Page,
    /// After this byte, so that no record is cut: `b'\n'` for lines.
    After(u8),
}

/// One part of a file; the parts of a file hold every byte exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shard {
    /// Position among the shards.
    pub index: usize,
    /// The bytes that belong to this shard.
    pub range: Range<u64>,
    /// How far `range.start` lies past the page boundary before it: what a map of this
    /// shard, which must begin at a page, has to skip.
    pub delta: u64,
}

/// Advice to the kernel about a range; see `posix_fadvise(2)` and `madvise(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// No advice.
    Normal,
    /// Will be read in order.
    Sequential,
    /// Will be read in no order: no read-ahead.
    Random,
    /// Will be read soon: start reading.
    WillNeed,
    /// Will not be read again: drop from the page cache (clean pages only).
    DontNeed,
    /// Each byte once.
    NoReuse,
}
