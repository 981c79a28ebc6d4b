//! What the chooser looks at, and what it answers.

use std::fmt;

use crate::Reuse;
use crate::pass::lane::Lane;

/// What is believed of the page cache, from what was asked and read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached {
    /// Nothing was asked yet.
    Unknown,
    /// The last questions were all answered with yes.
    Yes,
    /// The last questions were answered both ways, or with no.
    NotAll,
}

/// The access pattern, declared or observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Unknown,
    /// Each read begins where the one before ended.
    Sequential,
    /// Reads jump.
    Random,
}

/// Everything that a choice rests on. No I/O is done to choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Facts {
    pub(crate) cached: Cached,
    pub(crate) access: Access,
    pub(crate) reuse: Reuse,
    /// Ranges known ahead: the length of the list.
    pub(crate) known_ahead: usize,
    /// Mean bytes of a range.
    pub(crate) block_bytes: u64,
    /// Reads that may be in flight.
    pub(crate) depth: u32,
    /// Size of the file.
    pub(crate) size: u64,
    /// Memory that the page cache could take.
    pub(crate) memory_bytes: u64,
    /// Bytes of this file read past the page cache so far.
    pub(crate) past_cache_bytes: u64,
    /// The file can be mapped and reads from the map survive a truncation.
    pub(crate) map: bool,
    /// Direct reads work on this file.
    pub(crate) direct: bool,
    /// The kernel and the file system have `RWF_DONTCACHE`, as far as is known.
    pub(crate) dontcache: bool,
    /// The caller works between reads, so that reading ahead for it is worth more than the
    /// fastest single read.
    pub(crate) streams: bool,
    /// The ranges come in order with gaps so small that the kernel's read-ahead bridges them.
    pub(crate) gaps: bool,
    /// There is a ring.
    pub(crate) ring: bool,
    /// Residency can be asked for.
    pub(crate) residency: bool,
    pub(crate) costs: Costs,
}

/// What this host takes to copy resident bytes, nanoseconds, by block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Costs {
    pub(crate) pread_ns: [u64; Costs::BLOCKS.len()],
    pub(crate) map_ns: [u64; Costs::BLOCKS.len()],
}

impl Costs {
    /// Blocks that are timed, bytes.
    pub(crate) const BLOCKS: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

    /// Before anything was timed: what most hosts show.
    pub(crate) const ASSUMED: Self =
        Self { pread_ns: [1_500, 13_000, 200_000], map_ns: [700, 9_000, 170_000] };

    /// Whether the map is the faster way to copy a block, by the nearest block timed.
    pub(crate) fn map_wins(&self, block_bytes: u64) -> bool {
        let nearest = Self::BLOCKS.iter().rposition(|&b| b as u64 <= block_bytes).unwrap_or(0);
        self.map_ns[nearest] < self.pread_ns[nearest]
    }
}

/// When to ask whether a range is resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Never: all goes one way.
    Never,
    /// Now and then: the answer is believed to be yes.
    Sampled,
    /// For each range.
    Each,
}

/// The chooser's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For ranges that are resident, and for all where residency is not asked for.
    pub(crate) hit: Lane,
    /// For ranges that are not.
    pub(crate) miss: Lane,
    pub(crate) probe: Probe,
    /// Neighbours that miss are read together up to this many bytes.
    pub(crate) coalesce_bytes: usize,
    pub(crate) reason: Reason,
}

/// Why, in words by `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Named,
    Resident { map: bool },
    Sequential { ring: bool },
    ColdAlone { direct: bool },
    ColdKnown { direct: bool },
    ColdPool,
    FillCache,
    LargerThanMemory,
    NoResidency,
    ResidentOnce,
}

impl Reason {
    /// Every reason, with the word by which metrics name it.
    pub(crate) const ALL: [(Self, &'static str); 14] = [
        (Self::Named, "named"),
        (Self::Resident { map: true }, "resident_map"),
        (Self::Resident { map: false }, "resident_call"),
        (Self::Sequential { ring: true }, "sequential_ring"),
        (Self::Sequential { ring: false }, "sequential_read_ahead"),
        (Self::ColdAlone { direct: true }, "cold_alone_direct"),
        (Self::ColdAlone { direct: false }, "cold_alone_buffered"),
        (Self::ColdKnown { direct: true }, "cold_known_direct"),
        (Self::ColdKnown { direct: false }, "cold_known_buffered"),
        (Self::ColdPool, "cold_no_ring"),
        (Self::FillCache, "fill_cache"),
        (Self::LargerThanMemory, "larger_than_memory"),
        (Self::NoResidency, "no_residency"),
        (Self::ResidentOnce, "resident_once"),
    ];

    /// Its place in [`Reason::ALL`]; a match, because it is asked for at every read.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Named => 0,
            Self::Resident { map } => 2 - usize::from(map),
            Self::Sequential { ring } => 4 - usize::from(ring),
            Self::ColdAlone { direct } => 6 - usize::from(direct),
            Self::ColdKnown { direct } => 8 - usize::from(direct),
            Self::ColdPool => 9,
            Self::FillCache => 10,
            Self::LargerThanMemory => 11,
            Self::NoResidency => 12,
            Self::ResidentOnce => 13,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named by the caller",
            Self::Resident { map: true } => {
                "resident: copied from the map, which costs no system call"
            }
            Self::Resident { map: false } => "resident: copied by a call, as there is no safe map",
            Self::Sequential { ring: false } => {
                "in order, one at a time: the kernel's read-ahead keeps the device busy"
            }
            Self::Sequential { ring: true } => {
                "in order and known ahead: neighbours joined, queued past the page cache"
            }
            Self::ColdAlone { direct: true } => {
                "not all resident, one at a time: residency asked, misses read past the page cache"
            }
            Self::ColdAlone { direct: false } => {
                "not all resident, one at a time: no direct reads here, so through the page cache"
            }
            Self::ColdKnown { direct: true } => {
                "not all resident, known ahead: resident ranges copied, misses queued past the page cache"
            }
            Self::ColdKnown { direct: false } => {
                "not all resident, known ahead: no direct reads here, so misses queued through the page cache"
            }
            Self::ColdPool => {
                "not all resident, but there is no ring: read one after another"
            }
            Self::FillCache => {
                "read again: as many bytes as the file holds went past the page cache, so now it is filled"
            }
            Self::LargerThanMemory => "larger than memory: past the page cache, which could not hold it",
            Self::ResidentOnce => {
                "resident, in order and only once: copied by large calls, as a map would fault each page for one use"
            }
            Self::NoResidency => "residency cannot be asked for on this file: through the page cache",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own() {
        let words: Vec<_> = Reason::ALL.iter().map(|(reason, _)| reason.to_string()).collect();
        for (at, text) in words.iter().enumerate() {
            assert!(!text.is_empty() && !words[..at].contains(text), "{text}");
        }
    }

    #[test]
    fn each_reason_is_where_its_index_says() {
        for (at, (reason, _)) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), at, "{reason:?}");
        }
    }
}
