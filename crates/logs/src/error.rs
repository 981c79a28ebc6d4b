//! The one error type.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// `Result` with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a log could not be read, or a request was not understood.
#[derive(Debug)]
pub enum Error {
    /// The read layer failed; its message names the file and the next step.
    Read(cutwater::Error),
    /// A stream (standard input, a compressed file) failed; what was being done, and why.
    Stream(String, std::io::Error),
    /// A log became shorter while it was read; lines from `at` on were lost, and those before
    /// may belong to different states of it.
    Truncated {
        /// Which log.
        path: PathBuf,
        /// Where it ended, bytes.
        at: u64,
    },
    /// Several pieces of a log could not be read; their lines are missing.
    Pieces {
        /// Why the first of them could not.
        first: Box<Self>,
        /// How many.
        pieces: u64,
        /// The bytes from the start of the first to the end of the last.
        range: Range<u64>,
    },
    /// The request makes no sense; the message says what would.
    Request(String),
}

impl Error {
    /// A request that makes no sense.
    pub fn request(words: impl Into<String>) -> Self {
        Self::Request(words.into())
    }

    /// Whether the caller's request is at fault, and not the file or the host.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Request(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(e) => e.fmt(f),
            Self::Stream(what, e) => write!(f, "cannot {what}: {e}"),
            Self::Truncated { path, at } => write!(
                f,
                "{} became shorter while it was read, and now ends at byte {at}: it was truncated \
                 or rotated by copying; what was read before is kept, what is missing may be in \
                 the rotated copy",
                path.display()
            ),
            Self::Pieces { first, pieces, range } => write!(
                f,
                "{first}; {pieces} pieces of it between bytes {} and {} could not be read, and their lines are \
                 missing",
                range.start, range.end
            ),
            Self::Request(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(e) => Some(e),
            Self::Stream(_, e) => Some(e),
            Self::Pieces { first, .. } => Some(first),
            Self::Truncated { .. } | Self::Request(_) => None,
        }
    }
}

impl From<cutwater::Error> for Error {
    fn from(e: cutwater::Error) -> Self {
        Self::Read(e)
    }
}
