//! What scratch memory may use.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::scratch::Scratch;

/// Bytes in memory at most, unless asked otherwise.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Bytes at most, in memory and on disk, unless asked otherwise.
const BYTES_MAX: u64 = 1 << 40;
/// Where spilled bytes go, unless asked otherwise: `/tmp` often is memory itself.
const SPILL_DIRECTORY: &str = "/var/tmp";

/// The huge pages to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HugePages {
    /// None.
    Decline,
    /// Transparent ones, where the kernel has any to give.
    Transparent,
    /// Explicit ones (hugetlb) as long as there are any, then transparent ones.
    #[default]
    ExplicitFirst,
}

/// How scratch memory is made: by default 1 GiB of memory, 1 TiB in all, spilled to `/var/tmp`,
/// explicit huge pages first. Begin with [`Scratch::options`].
#[derive(Debug, Clone)]
pub struct ScratchOptions {
    pub(super) memory_max: u64,
    pub(super) bytes_max: u64,
    pub(super) directory: PathBuf,
    pub(super) huge_pages: HugePages,
}

impl Default for ScratchOptions {
    fn default() -> Self {
        Self {
            memory_max: MEMORY_BYTES_MAX,
            bytes_max: BYTES_MAX,
            directory: SPILL_DIRECTORY.into(),
            huge_pages: HugePages::default(),
        }
    }
}

impl ScratchOptions {
    /// Bytes kept in memory at most. On top comes the chunk that is being filled: see
    /// [`Report::chunk_len`](crate::scratch::Report::chunk_len). 0 spills everything.
    #[must_use]
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory_max = bytes;
        self
    }

    /// Bytes it may hold at most, in memory and on disk.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// The directory of the file without a name that takes what memory may not.
    #[must_use]
    pub fn spill_directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = directory.as_ref().to_path_buf();
        self
    }

    /// The huge pages to ask for; [`Scratch::report`] says which were granted.
    #[must_use]
    pub fn huge_pages(mut self, huge_pages: HugePages) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Makes scratch memory. Takes no memory and no disk before something is appended.
    ///
    /// # Errors
    /// None today; what a bound may refuse later.
    pub fn create(&self) -> Result<Scratch> {
        Ok(Scratch::with(self.clone()))
    }
}
