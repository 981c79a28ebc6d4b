//! A piece of scratch memory: in memory or in the file.

use std::io;

use cutwater_sys::Errno;
use cutwater_sys::anon_map::{AnonMap, Pages};

use crate::scratch::options::HugePages;

#[derive(Debug)]
pub(super) enum Chunk {
    /// `gone` bytes of its front were given back.
    Memory { map: AnonMap, gone: usize },
    /// In the file, at the chunk's place.
    Spilled,
}

impl Chunk {
    /// Bytes of memory it has.
    pub(super) fn memory_len(&self) -> u64 {
        match self {
            Self::Memory { map, .. } => map.len() as u64,
            Self::Spilled => 0,
        }
    }

    /// Gives back whole pages below `at`, a place in the chunk.
    pub(super) fn release_below(&mut self, at: usize) -> io::Result<()> {
        if let Self::Memory { map, gone } = self {
            *gone += map.release_front(at - *gone)?;
        }
        Ok(())
    }
}

/// Where memory comes from: the best huge pages first, for as long as there are any.
#[derive(Debug)]
pub(super) struct Source {
    wanted: HugePages,
    /// What the kernel answered when there were no explicit huge pages left.
    pub(super) explicit_refused: Option<Errno>,
}

impl Source {
    pub(super) fn new(wanted: HugePages) -> Self {
        Self { wanted, explicit_refused: None }
    }

    pub(super) fn map(&mut self, len: usize) -> io::Result<AnonMap> {
        let pages = match self.wanted {
            HugePages::Decline => Pages::Small,
            HugePages::Transparent => Pages::Transparent,
            HugePages::ExplicitFirst => {
                if self.explicit_refused.is_none() {
                    match AnonMap::new(len, Pages::Explicit) {
                        Ok(map) => return Ok(map),
                        Err(errno) => self.explicit_refused = Some(errno),
                    }
                }
                Pages::Transparent
            }
        };
        Ok(AnonMap::new(len, pages)?)
    }
}
