//! Copies a file to a descriptor in the kernel.

use std::ops::RangeBounds;
use std::os::fd::{AsFd, BorrowedFd};

use cutwater_sys::Errno;
use cutwater_sys::pio::OFFSET_MAX;

use super::{File, bounds};
use crate::Result;
use crate::error::{Action, Cause, Error};
use crate::report::{Copied, CopyVia};

/// Bytes that one call is asked to copy: enough to amortise it, few enough to be interrupted.
const STEP_BYTES: u64 = 64 << 20;

/// Bytes of the buffer for targets that the kernel cannot copy to.
const BUFFER_BYTES: usize = 256 << 10;

const IN_ORDER: [CopyVia; 4] =
    [CopyVia::CopyFileRange, CopyVia::Sendfile, CopyVia::Splice, CopyVia::ReadWrite];

impl File {
    /// Copies `range` (`..` is the whole file) to where `target` stands, in the kernel where that
    /// is possible: `copy_file_range(2)`, else `sendfile(2)`, else `splice(2)`, else by reading
    /// and writing.
    ///
    /// `target` is a file, a pipe or a blocking socket, at its own position. Memory is bounded.
    ///
    /// # Errors
    /// When reading or writing fails; what was written until then stays. For an offset that no
    /// file has, [`Error::is_out_of_bounds`].
    pub fn copy_to(&self, range: impl RangeBounds<u64>, target: impl AsFd) -> Result<Copied> {
        let range = bounds(&range);
        let target = target.as_fd();
        if range.start > OFFSET_MAX {
            let action = Action::Copy { offset: range.start };
            return Err(Error::new(action, self.0.path(), Cause::OutOfBounds));
        }
        let mut at = range.start;
        let mut means = IN_ORDER.into_iter();
        let (mut via, mut copied_by) = (CopyVia::CopyFileRange, None);
        let mut given_up = true;
        let end = range.end.min(OFFSET_MAX);
        while at < end {
            if given_up {
                let Some(next) = means.next() else { break };
                (via, given_up) = (next, false);
            }
            match self.step(via, at, (end - at).min(STEP_BYTES), target) {
                // copy_file_range answers 0 for files of /proc: only the plain loop knows.
                Ok(0) if via == CopyVia::CopyFileRange => given_up = true,
                Ok(0) => break,
                Ok(n) => (at, copied_by) = (at + n, Some(via)),
                Err(Errno::INTR) => {}
                Err(e) if via != CopyVia::ReadWrite && is_refusal(e) => given_up = true,
                Err(e) => {
                    return Err(Error::os(Action::Copy { offset: at }, self.0.path(), e));
                }
            }
        }
        Ok(Copied { bytes: at - range.start, via: copied_by.unwrap_or(via) })
    }

    fn step(&self, via: CopyVia, at: u64, len: u64, target: BorrowedFd<'_>) -> CallResult {
        let mut from = at;
        let source = self.0.fd.as_fd();
        match via {
            CopyVia::CopyFileRange => {
                let n = rustix::fs::copy_file_range(
                    source,
                    Some(&mut from),
                    target,
                    None,
                    len as usize,
                );
                n.map(|n| n as u64)
            }
            CopyVia::Sendfile => {
                rustix::fs::sendfile(target, source, Some(&mut from), len as usize)
                    .map(|n| n as u64)
            }
            CopyVia::Splice => {
                use rustix::pipe::{SpliceFlags, splice};
                let flags = SpliceFlags::empty();
                splice(source, Some(&mut from), target, None, len as usize, flags).map(|n| n as u64)
            }
            CopyVia::ReadWrite => self.read_write(at, len, target),
        }
    }

    fn read_write(&self, at: u64, len: u64, target: BorrowedFd<'_>) -> CallResult {
        let mut buf = vec![0; BUFFER_BYTES.min(len as usize)];
        let n = cutwater_sys::pio::read(self.0.fd.as_fd(), &mut buf, at)?;
        let mut written = 0;
        while written < n {
            match rustix::io::write(target, &buf[written..n]) {
                Ok(w) => written += w,
                Err(Errno::INTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(n as u64)
    }
}

type CallResult = std::result::Result<u64, Errno>;

/// Answers which mean that this call cannot copy between these two, while another may.
fn is_refusal(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF)
        // Past the largest file of a file system, where there are no bytes to copy.
        || matches!(errno, Errno::PERM | Errno::OVERFLOW)
}
