//! The grid on which direct reads of a file lie.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, StatxFlags};

/// The grid where the kernel does not report one (before Linux 6.1): no device has a coarser one.
const GRID_DEFAULT: usize = 4096;

/// The alignment of direct reads, in bytes; powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Of addresses in memory.
    pub memory: usize,
    /// Of offsets and lengths in the file.
    pub offset: usize,
}

impl Grid {
    /// The grid of a file (`statx(2)` with `STATX_DIOALIGN`), or 4,096 bytes where none is reported.
    pub(super) fn of_file(fd: BorrowedFd<'_>) -> Self {
        let stat = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN);
        let reported = stat.ok().filter(|s| s.stx_mask & StatxFlags::DIOALIGN.bits() != 0);
        let (memory, offset) =
            reported.map_or((0, 0), |s| (s.stx_dio_mem_align, s.stx_dio_offset_align));
        let known = |n: u32| usize::try_from(n).ok().filter(|n| n.is_power_of_two());
        match (known(memory), known(offset)) {
            (Some(memory), Some(offset)) => Self { memory, offset },
            _ => Self { memory: GRID_DEFAULT, offset: GRID_DEFAULT },
        }
    }
}
