//! What scratch memory is made of.

use cutwater_sys::anon_map::Pages;
use cutwater_sys::smaps;

use crate::scratch::Scratch;
use crate::scratch::chunk::Chunk;

/// What was achieved, not what was asked for. In bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Appended and not consumed.
    pub len: u64,
    /// Consumed: given back, but for less than a huge page.
    pub consumed: u64,
    /// Addresses with memory, in use or to be used.
    pub mapped: u64,
    /// In the file.
    pub spilled: u64,
    /// The unit in which memory is taken and spilled.
    pub chunk_len: u64,
    /// In memory now; none where `/proc/self/smaps` cannot be read.
    pub resident: Option<u64>,
    /// The part of that on transparent huge pages.
    pub huge_transparent: Option<u64>,
    /// Mapped with explicit huge pages.
    pub huge_explicit: u64,
    /// Why there are no, or no more, explicit huge pages: the error number of `mmap(2)`.
    pub explicit_refused: Option<i32>,
}

pub(super) fn report(scratch: &Scratch) -> Report {
    let mut report = Report {
        len: scratch.len(),
        consumed: scratch.start(),
        chunk_len: scratch.chunk_len() as u64,
        explicit_refused: scratch.explicit_refused(),
        ..Report::default()
    };
    let mut addresses = Vec::new();
    for chunk in scratch.chunks() {
        report.mapped += chunk.memory_len();
        match chunk {
            Chunk::Memory { map, .. } => {
                if map.pages() == Pages::Explicit {
                    report.huge_explicit += map.len() as u64;
                }
                addresses.push(map.addresses());
            }
            Chunk::Spilled => report.spilled += report.chunk_len,
        }
    }
    addresses.sort_by_key(|range| range.start);
    if let Ok(in_use) = smaps::in_use(&addresses) {
        report.resident = Some(in_use.resident);
        report.huge_transparent = Some(in_use.huge_transparent);
    }
    report
}
