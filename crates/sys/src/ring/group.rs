//! Buffers from which the kernel takes one for each receive that has something
//! (`io_uring_register_buf_ring(3)`): a connection that is idle holds none.
//!
//! # Safety
//! A group owns two mappings: entries that the kernel reads, and an arena that it writes to. At any
//! time a buffer is either in the kernel's list (nobody here has its bytes), or lent to one
//! [`GroupBuf`] (the kernel does not write to it until it is given back).
//! The memory lives as long as the ring that registered it or any [`GroupBuf`].
#![allow(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use crate::buffer::Buffer;
use crate::{Errno, Result, errno_of};

/// The number by which operations name a group.
pub type GroupId = u16;

/// Most buffers of a group; the kernel takes 32,768.
pub const GROUP_BUFFERS_MAX: u16 = 1 << 14;

/// Buffers that a ring's receives take from. Cheap to clone.
#[derive(Clone)]
pub(super) struct Group(Rc<Inner>);

struct Inner {
    entries: Buffer,
    arena: Buffer,
    count: u16,
    buffer_bytes: u32,
    tail: Cell<u16>,
    lent: Cell<u16>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, lent) = (self.0.count, self.0.lent.get());
        f.debug_struct("Group").field("count", &count).field("lent", &lent).finish()
    }
}

impl Group {
    /// Makes `count` buffers (a power of two) of `buffer_bytes` each, and registers them as `id`.
    ///
    /// # Errors
    /// `EINVAL` for other counts and on kernels before 5.19, `ENOMEM`, `EEXIST`.
    pub(super) fn register(
        submitter: &Submitter<'_>,
        id: GroupId,
        count: u16,
        buffer_bytes: u32,
    ) -> Result<Self> {
        if !count.is_power_of_two() || count > GROUP_BUFFERS_MAX || buffer_bytes == 0 {
            return Err(Errno::INVAL);
        }
        let entries = Buffer::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let arena = Buffer::new(usize::from(count) * buffer_bytes as usize)?;
        let at = entries.address(0) as u64;
        // SAFETY: the entries are `count` zeroed ones in page-aligned memory, which outlives the
        // ring: the ring's core holds the group and drops it after the ring.
        unsafe { submitter.register_buf_ring_with_flags(at, count, id, 0) }.map_err(errno_of)?;
        let (tail, lent) = (Cell::new(0), Cell::new(count));
        let group = Self(Rc::new(Inner { entries, arena, count, buffer_bytes, tail, lent }));
        (0..count).for_each(|number| group.0.give_back(number));
        Ok(group)
    }

    /// The buffer that a completion names, with what was received.
    pub(super) fn take(&self, number: u16, len: u32) -> Option<GroupBuf> {
        if number >= self.0.count {
            return None;
        }
        self.0.lent.set(self.0.lent.get() + 1);
        let len = len.min(self.0.buffer_bytes);
        Some(GroupBuf { group: Rc::clone(&self.0), number, from: 0, len })
    }

    /// Buffers that are lent out.
    pub(super) fn lent(&self) -> u16 {
        self.0.lent.get()
    }
}

impl Inner {
    fn start(&self, number: u16) -> *mut u8 {
        self.arena.address(usize::from(number) * self.buffer_bytes as usize)
    }

    fn give_back(&self, number: u16) {
        let tail = self.tail.get();
        let base = self.entries.address(0).cast::<BufRingEntry>();
        let at = base.wrapping_add(usize::from(tail & (self.count - 1)));
        // SAFETY: the index is below `count`, entries are initialised (zeroed), and the kernel
        // reads none past the tail, which is published below; this type is not shared between
        // threads, so nobody else writes one.
        let entry = unsafe { &mut *at };
        entry.set_addr(self.start(number) as u64);
        entry.set_len(self.buffer_bytes);
        entry.set_bid(number);
        self.tail.set(tail.wrapping_add(1));
        self.lent.set(self.lent.get().saturating_sub(1));
        // SAFETY: `base` is the address of the first of the initialised entries.
        let shared = unsafe { BufRingEntry::tail(base) }.cast::<AtomicU16>();
        // SAFETY: the tail lies in the mapping, is aligned for u16, and is only written here.
        unsafe { &*shared }.store(tail.wrapping_add(1), Ordering::Release);
    }
}

/// A buffer of a group with received bytes in it. Given back to the kernel when it is dropped.
pub struct GroupBuf {
    group: Rc<Inner>,
    number: u16,
    from: u32,
    len: u32,
}

impl fmt::Debug for GroupBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuf").field("number", &self.number).field("len", &self.len).finish()
    }
}

impl GroupBuf {
    /// Drops the first `n` bytes, or all where there are fewer.
    pub fn advance(&mut self, n: usize) {
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(self.len - self.from);
        self.from += n;
    }
}

impl GroupBuf {
    /// Keeps the first `n` bytes, or all where there are fewer.
    pub fn truncate(&mut self, n: usize) {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        self.len = self.len.min(self.from.saturating_add(n));
    }
}

impl Deref for GroupBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.group.start(self.number).wrapping_add(self.from as usize);
        // SAFETY: the bytes lie in the arena, are initialised (zeroed memory), and until this is
        // dropped the kernel does not have the buffer, nor anybody else.
        unsafe { slice::from_raw_parts(start, (self.len - self.from) as usize) }
    }
}

impl DerefMut for GroupBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = self.group.start(self.number).wrapping_add(self.from as usize);
        // SAFETY: as above, and this is the only handle to the buffer.
        unsafe { slice::from_raw_parts_mut(start, (self.len - self.from) as usize) }
    }
}

impl Drop for GroupBuf {
    fn drop(&mut self) {
        self.group.give_back(self.number);
    }
}
