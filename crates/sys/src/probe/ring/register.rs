//! Registrations: files, buffers, rings of provided buffers, workers.
//!
//! # Safety
//! Registered memory is a [`Buffer`] that outlives its ring: each function drops the ring (or
//! takes the registration back) before the buffer, by the order of its locals.
#![allow(unsafe_code)]

use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};

use super::queue::complete;
use super::{REGISTERED_BYTES_MAX, setup};
use crate::buffer::{Buffer, PAGE_BYTES};
use crate::probe::Check;
use crate::{Errno, Result, errno_of};

/// Tries each registration; also returns the size of the largest buffer that could be registered, bytes.
pub(super) fn try_registrations() -> (Vec<Check>, usize) {
    let largest = largest_buffer();
    let checks = vec![
        Check::new("FILES_SPARSE", files_sparse()),
        Check::new("FILES_UPDATE", read_registered_file()),
        Check::new("BUFFERS", largest),
        Check::new("PBUF_RING", buffer_ring(0)),
        Check::new("PBUF_RING_INC", buffer_ring(INCREMENTAL)),
        Check::new("RING_FDS", ring_descriptor()),
        Check::new("IOWQ_MAX_WORKERS", cap_workers()),
    ];
    (checks, largest.unwrap_or(0))
}

const INCREMENTAL: u16 = types::IOU_PBUF_RING_INC as u16;

fn files_sparse() -> Result<()> {
    setup::plain()?.submitter().register_files_sparse(8).map_err(errno_of)
}

/// Puts a file into a sparse table and reads through its place.
fn read_registered_file() -> Result<()> {
    let mut buffer = Buffer::new(PAGE_BYTES)?;
    let mut ring = setup::plain()?;
    let file = std::fs::File::open("/proc/self/exe").map_err(errno_of)?;
    ring.submitter().register_files_sparse(8).map_err(errno_of)?;
    ring.submitter().register_files_update(3, &[file.as_raw_fd()]).map_err(errno_of)?;
    let slice = buffer.as_mut_slice();
    let entry = opcode::Read::new(types::Fixed(3), slice.as_mut_ptr(), 4).build();
    // SAFETY: `slice` borrows four and more bytes of `buffer` beyond the call; a read ends.
    let n = unsafe { complete(&mut ring, &entry) }?;
    if n == 4 && slice.starts_with(b"\x7fELF") { Ok(()) } else { Err(Errno::IO) }
}

/// Halves the size until the kernel takes it: the rest of RLIMIT_MEMLOCK.
fn largest_buffer() -> Result<usize> {
    let mut bytes = REGISTERED_BYTES_MAX;
    loop {
        match register_buffer(bytes) {
            Ok(()) => return Ok(bytes),
            Err(Errno::NOMEM) if bytes > PAGE_BYTES => bytes /= 2,
            Err(e) => return Err(e),
        }
    }
}

fn register_buffer(bytes: usize) -> Result<()> {
    // Declared before the ring, so dropped after it.
    let buffer = Buffer::new(bytes)?;
    let ring = setup::plain()?;
    let vector = libc::iovec { iov_base: buffer.address(0).cast(), iov_len: buffer.len() };
    // SAFETY: the memory is `buffer`'s, which outlives the registration taken back below.
    unsafe { ring.submitter().register_buffers(&[vector]) }.map_err(errno_of)?;
    // At once, because the limit counts it until the kernel takes the ring apart.
    ring.submitter().unregister_buffers().map_err(errno_of)
}

/// Registers and takes back a ring of provided buffers.
fn buffer_ring(flags: u16) -> Result<()> {
    let buffer = Buffer::new(PAGE_BYTES)?;
    let ring = setup::plain()?;
    let address = buffer.address(0) as u64;
    // SAFETY: 8 entries of 16 bytes fit the page at `address`, which outlives the ring.
    unsafe { ring.submitter().register_buf_ring_with_flags(address, 8, 0, flags) }
        .map_err(errno_of)?;
    ring.submitter().unregister_buf_ring(0).map_err(errno_of)
}

fn ring_descriptor() -> Result<()> {
    let ring = setup::plain()?;
    let mut submitter = ring.submitter();
    submitter.register_ring_fd().map_err(errno_of)?;
    submitter.unregister_ring_fd().map(drop).map_err(errno_of)
}

fn cap_workers() -> Result<()> {
    let ring = setup::plain()?;
    ring.submitter().register_iowq_max_workers(&mut [4, 4]).map_err(errno_of)
}

/// How many workers a thread may have; zeros read the limits and change nothing.
pub(super) fn workers(ring: &IoUring) -> Option<[u32; 2]> {
    let mut now = [0, 0];
    ring.submitter().register_iowq_max_workers(&mut now).ok().map(|()| now)
}
