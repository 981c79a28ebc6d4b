//! A thread's ring as the queue of one pass over one file.

use std::sync::Arc;

use cutwater_sys::Errno;
use cutwater_sys::ring::{Completion, PushError, ReadRing, ReadTarget};

use super::core::Core;
use crate::pass::source::{Queue, QueuedRead};

/// Reads in one pass from which on two calls that put the file into the ring's table and take
/// it out again are repaid.
const KEEP_READS_MIN: usize = 256;

/// A ring for the reads of one pass over one file.
#[derive(Debug)]
pub(crate) struct FileRing<'a> {
    ring: &'a mut ReadRing,
    /// The file's place in the ring's table of files, which spares the kernel the look-up and
    /// the counting of a reference for each read.
    kept: Option<u32>,
}

impl<'a> FileRing<'a> {
    /// Readies `ring` for `reads` reads of `file`: direct ones or not.
    pub(crate) fn new(ring: &'a mut ReadRing, file: &Core, direct: bool, reads: usize) -> Self {
        let fd = if direct { file.direct_parts().ok().map(|d| &d.fd) } else { Some(&file.fd) };
        let pays = reads >= KEEP_READS_MIN;
        // A table that is refused, or full, costs speed and not bytes.
        let kept = fd.filter(|_| pays).and_then(|fd| ring.keep_file(fd).ok());
        Self { ring, kept }
    }

    /// Takes the file out of the table: kept there, it would stay open after its user closed it.
    pub(crate) fn release(self) {
        if let Some(place) = self.kept {
            let _ = self.ring.release_file(place);
        }
    }
}

impl Queue<Core> for FileRing<'_> {
    fn cut(&mut self, slot_bytes: usize) -> Result<usize, Errno> {
        self.ring.cut(slot_bytes)
    }

    fn push(&mut self, source: &Core, read: &QueuedRead) -> Result<(), PushError> {
        let target = match (self.kept, source.direct_parts()) {
            (Some(place), _) => ReadTarget::Kept(place),
            (None, Ok(direct)) if read.direct => ReadTarget::Fd(Arc::clone(&direct.fd)),
            (None, Err(_)) if read.direct => return Err(PushError::Invalid),
            (None, _) => ReadTarget::Fd(Arc::clone(&source.fd)),
        };
        self.ring.push(read.slot, read.at, read.len, &target, read.offset, read.fixed)
    }

    fn submit_and_wait(&mut self, want: usize) -> Result<(), Errno> {
        self.ring.submit_and_wait(want)
    }

    fn reap(&mut self, out: &mut Vec<Completion>) -> usize {
        self.ring.reap(out)
    }

    fn bytes(&self, slot: u32) -> Option<&[u8]> {
        self.ring.bytes(slot)
    }

    fn quiesce(&mut self) -> Result<(), Errno> {
        self.ring.quiesce()
    }
}
