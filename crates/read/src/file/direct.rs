//! Reads past the page cache: the descriptor with `O_DIRECT` and its grid.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use cutwater_sys::Errno;
use cutwater_sys::buffer::PAGE_BYTES;

/// A second descriptor of the same file, with `O_DIRECT`.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) fd: Arc<OwnedFd>,
    /// What address, offset and length of a read must be multiples of, bytes.
    pub(super) align: u64,
}

impl Direct {
    /// Opens the same inode again with `O_DIRECT` and finds its grid.
    pub(super) fn open(fd: &OwnedFd) -> Result<Self, Errno> {
        use rustix::fs::{Mode, OFlags};
        use std::os::fd::AsRawFd;
        // Through /proc, so that it is this inode whatever its name has come to mean.
        let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        // The link of an open file is there wherever /proc is.
        let direct = rustix::fs::open(link, flags, Mode::empty())
            .map_err(|e| if e == Errno::NOENT { Errno::NOSYS } else { e })?;
        let align = direct_align(&direct)?;
        Ok(Self { fd: Arc::new(direct), align })
    }
}

/// The grid of direct reads, bytes: as `statx(2)` reports it (Linux 6.1), else a page.
fn direct_align(fd: &OwnedFd) -> Result<u64, Errno> {
    use rustix::fs::{AtFlags, StatxFlags, statx};
    let flags = StatxFlags::from_bits_retain(STATX_DIOALIGN);
    let page = PAGE_BYTES as u64;
    let Ok(stat) = statx(fd, c"", AtFlags::EMPTY_PATH, flags) else { return Ok(page) };
    if stat.stx_mask & STATX_DIOALIGN == 0 {
        return Ok(page);
    }
    // 0: the file takes no direct reads, although the open went through.
    let (mem, offset) = (u64::from(stat.stx_dio_mem_align), u64::from(stat.stx_dio_offset_align));
    if offset == 0 {
        return Err(Errno::INVAL);
    }
    let align = mem.max(offset);
    let fits = align.is_power_of_two() && align <= page;
    if fits { Ok(align) } else { Err(Errno::INVAL) }
}

const STATX_DIOALIGN: u32 = 0x2000;
