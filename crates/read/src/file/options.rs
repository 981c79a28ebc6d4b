//! How a file is to be read.

use crate::{FileClass, Pattern, ReadPath, Reuse, RingOptions};

/// Reads in flight at most.
const DEPTH_MAX: u32 = 1024;

/// How to open a file and read it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(crate) path: ReadPath,
    pub(crate) pattern: Pattern,
    pub(crate) reuse: Reuse,
    pub(crate) depth: u32,
    pub(crate) ring: RingOptions,
    pub(crate) populate: bool,
    pub(crate) class: FileClass,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            path: ReadPath::Auto,
            pattern: Pattern::Observed,
            reuse: Reuse::Unknown,
            depth: 64,
            ring: RingOptions::default(),
            populate: false,
            class: FileClass::default(),
        }
    }
}

impl OpenOptions {
    /// Which path to read through; the chooser's by default.
    ///
    /// A path that the caller names reads every range alone, as it is.
    #[must_use]
    pub fn path(mut self, path: ReadPath) -> Self {
        self.path = path;
        self
    }

    /// How the file will be read; observed by default. The kernel is
    /// advised of it (`posix_fadvise(2)`), which decides about its read-ahead.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Whether the bytes will be wanted again; not known by default.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// How many reads may be in flight at once, 1 to 1,024; 64 by default.
    #[must_use]
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth.clamp(1, DEPTH_MAX);
        self
    }

    /// What to ask of the ring: polling, a kernel thread that submits. [`File::explain`](super::File::explain)
    /// says what was refused.
    #[must_use]
    pub fn ring(mut self, ring: RingOptions) -> Self {
        self.ring = ring;
        self
    }

    /// Whether to read the whole file and make all page tables when it is mapped
    /// (`MAP_POPULATE`): the first read waits for all, and no later one takes a fault. Not done
    /// by default; for a part see [`File::advise_map`](super::File::advise_map).
    #[must_use]
    pub fn populate_map(mut self, populate: bool) -> Self {
        self.populate = populate;
        self
    }

    /// Under what name metrics count its reads; none of its own by default.
    #[must_use]
    pub fn class(mut self, class: FileClass) -> Self {
        self.class = class;
        self
    }

    /// The depth that was set.
    #[must_use]
    pub fn depth_set(&self) -> u32 {
        self.depth
    }

    /// The path that was set.
    #[must_use]
    pub fn path_set(&self) -> ReadPath {
        self.path
    }
}
