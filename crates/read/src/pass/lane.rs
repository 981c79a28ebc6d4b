//! The ways to make one read.

use crate::ReadPath;

/// A way to make one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// `pread(2)`.
    Read,
    /// `preadv2(2)`, neighbours in one call.
    Preadv,
    /// A copy from the map.
    Map,
    /// `pread(2)` with `O_DIRECT`.
    DirectRead,
    /// Through the page cache, and dropped after the read: `RWF_DONTCACHE`.
    DontCache,
    /// Queued on the ring; `pread(2)` without a ring.
    Ring { direct: bool },
}

impl Lane {
    /// Whether reads are queued where there is a ring, and not made at once.
    pub(crate) fn is_queued(self) -> bool {
        matches!(self, Self::Ring { .. })
    }

    /// Whether reads go past the page cache.
    pub(crate) fn is_direct(self) -> bool {
        matches!(self, Self::DirectRead | Self::Ring { direct: true })
    }

    /// Whether a blocking read is a plain `pread(2)`: what every other lane falls back to.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Read | Self::Preadv | Self::Ring { .. })
    }

    /// The path that reports name it by.
    pub(crate) fn path(self) -> ReadPath {
        match self {
            Self::Read => ReadPath::Read,
            Self::Preadv | Self::DontCache => ReadPath::Preadv,
            Self::Map => ReadPath::Mmap,
            Self::DirectRead | Self::Ring { direct: true } => ReadPath::UringDirect,
            Self::Ring { direct: false } => ReadPath::Uring,
        }
    }
}
