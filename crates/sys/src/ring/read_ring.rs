//! Reads in flight into slots of an arena that belongs to the ring.
//!
//! # Safety
//! The kernel writes to a slot between the submission of a read and its completion. So a slot in
//! flight can be neither lent nor given to a second read (`push` and `bytes` check it). What keeps the
//! arena and the descriptors until then is in `core`.
#![allow(unsafe_code)]

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use io_uring::{opcode, squeue, types};

use super::config::{Feature, RingConfig, Setup};
use super::core::{Core, InFlight, Progress, result_of};
use crate::buffer::{Buffer, PAGE_BYTES};
use crate::pio::OFFSET_MAX;
use crate::{Errno, Result, errno_of};

#[cfg(test)]
mod tests;

/// Slots that an arena is cut into at most, and so the most reads in flight.
pub const SLOTS_MAX: usize = 1024;

/// Files that the table of long-lived files holds.
pub const FILES_MAX: u32 = 64;

/// Which file a read goes to.
#[derive(Debug, Clone)]
pub enum ReadTarget {
    /// A descriptor; kept open until the completion.
    Fd(Arc<OwnedFd>),
    /// A place in the ring's file table; see [`ReadRing::keep_file`].
    Kept(u32),
}

/// A read that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The slot that it read into; free again.
    pub slot: u32,
    /// Bytes read, 0 at the end of the file; may be fewer than asked.
    pub result: Result<u32>,
}

/// Why a read could not be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushError {
    /// The submission queue is full: submit, then push again.
    Full,
    /// The slot does not exist or is in flight, or the bytes or the offset are out of bounds.
    Invalid,
    /// The ring belongs to the process that this one was forked from.
    Inherited,
}

/// What is kept of a read in flight: its descriptor, so that the number does not come to mean another
/// file. None for a file in the table, which keeps it open.
struct Read(Option<Arc<OwnedFd>>);

impl InFlight for Read {
    fn discard(&mut self, _raw: i32) {
        self.0 = None;
    }
}

/// Bytes of one read at most: what the kernel takes (`MAX_RW_COUNT`); a longer one is short.
const READ_BYTES_MAX: usize = i32::MAX as usize & !(PAGE_BYTES - 1);

/// A ring for reads, for the thread that made it, in the process that made it: a forked child
/// gets an error from every call and makes a ring of its own.
pub struct ReadRing {
    core: Core<Read, Buffer>,
    slot_bytes: usize,
    files: Vec<Option<Arc<OwnedFd>>>,
}

impl fmt::Debug for ReadRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRing")
            .field("setup", &self.core.setup)
            .field("in_flight", &self.core.in_flight())
            .finish_non_exhaustive()
    }
}

impl ReadRing {
    /// Sets up a ring and its arena; what was refused is in [`ReadRing::setup`].
    ///
    /// # Errors
    /// When io_uring itself is refused (`ENOSYS`, `EPERM`, `ENOMEM`, `EMFILE`), be it only
    /// `io_uring_enter(2)`, or there is no memory for the arena.
    pub fn new(config: &RingConfig) -> Result<Self> {
        let mut core = Core::new(config, Buffer::new(config.arena_bytes)?)?;
        if config.workers_max > 0 {
            let mut workers = [config.workers_max, 0];
            // Refused by older kernels, which is in `setup`.
            let _ = core.register(Feature::WorkersCap, |submitter, _| {
                submitter.register_iowq_max_workers(&mut workers)
            });
        }
        let mut new = Self { core, slot_bytes: PAGE_BYTES, files: Vec::new() };
        if config.register_arena {
            new.register_arena();
        }
        Ok(new)
    }

    /// What was granted and what was refused.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.core.setup
    }

    /// Whether it belongs to the process that this one was forked from.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.core.is_inherited()
    }

    /// Calls of `io_uring_enter(2)` so far; where a kernel thread submits and is awake, none is
    /// made to submit.
    #[must_use]
    pub fn enters(&self) -> u64 {
        self.core.enters()
    }

    /// Reads in flight, with those not yet submitted.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.core.in_flight()
    }

    /// Registers the arena (once), so that the kernel need not look up and pin its pages for
    /// each read; returns whether it is registered. It counts as locked memory.
    pub fn register_arena(&mut self) -> bool {
        if self.is_inherited() || self.core.setup.refusal(Feature::RegisteredArena).is_some() {
            return false;
        }
        if self.core.setup.has(Feature::RegisteredArena) {
            return true;
        }
        let done = self.core.register(Feature::RegisteredArena, |submitter, arena| {
            let iovec = libc::iovec { iov_base: arena.address(0).cast(), iov_len: arena.len() };
            // SAFETY: the arena stays mapped at this address until the ring was closed: see `core`.
            unsafe { submitter.register_buffers(&[iovec]) }
        });
        done.is_ok()
    }

    /// Puts a long-lived file into the ring's table and returns its place; a place that was
    /// released is used again, in place (`IORING_REGISTER_FILES_UPDATE`).
    ///
    /// The table keeps the file open until [`ReadRing::release_file`].
    ///
    /// # Errors
    /// As `io_uring_register(2)`; `ENFILE` when all [`FILES_MAX`] places are taken, `ECHILD` in a
    /// forked child.
    pub fn keep_file(&mut self, file: &Arc<OwnedFd>) -> Result<u32> {
        self.core.check_usable()?;
        if let Some(errno) = self.core.setup.refusal(Feature::RegisteredFiles) {
            return Err(errno);
        }
        if self.files.is_empty() {
            self.core.register(Feature::RegisteredFiles, |submitter, _| {
                submitter.register_files_sparse(FILES_MAX)
            })?;
            self.files = vec![None; FILES_MAX as usize];
        }
        let is_file =
            |kept: &Option<Arc<OwnedFd>>| kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, file));
        if let Some(at) = self.files.iter().position(is_file) {
            return Ok(at as u32);
        }
        let at = self.files.iter().position(Option::is_none).ok_or(Errno::NFILE)?;
        self.update_file(at, file.as_raw_fd())?;
        self.files[at] = Some(Arc::clone(file));
        Ok(at as u32)
    }

    /// Frees a place of the table; reads that go to it must have completed.
    ///
    /// # Errors
    /// `EBUSY` while anything is in flight, `EINVAL` for a place that is not taken, `ECHILD` in a
    /// forked child.
    pub fn release_file(&mut self, place: u32) -> Result<()> {
        self.core.check_usable()?;
        let at = place as usize;
        if !self.files.get(at).is_some_and(Option::is_some) {
            return Err(Errno::INVAL);
        }
        if self.in_flight() > 0 {
            return Err(Errno::BUSY);
        }
        self.update_file(at, -1)?;
        self.files[at] = None;
        Ok(())
    }

    fn update_file(&self, at: usize, fd: i32) -> Result<()> {
        let done = self.core.submitter()?.register_files_update(at as u32, &[fd]);
        done.map(drop).map_err(errno_of)
    }

    /// Cuts the arena into slots of `slot_bytes`, rounded up to pages; returns how many.
    ///
    /// # Errors
    /// `EBUSY` while anything is in flight, `EINVAL` when not even one fits, `ECHILD` in a forked
    /// child.
    pub fn cut(&mut self, slot_bytes: usize) -> Result<usize> {
        self.core.check_usable()?;
        if self.in_flight() > 0 {
            return Err(Errno::BUSY);
        }
        let rounded = slot_bytes.max(1).checked_next_multiple_of(PAGE_BYTES).ok_or(Errno::INVAL)?;
        let fit = self.core.memory().len() / rounded;
        let count = fit.min(SLOTS_MAX).min(self.entries());
        if count == 0 {
            return Err(Errno::INVAL);
        }
        self.slot_bytes = rounded;
        Ok(count)
    }

    /// Entries of the submission queue.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.core.entries() as usize
    }

    /// Where in the arena a slot begins; none for a slot that does not lie in it.
    fn slot_start(&self, slot: u32) -> Option<usize> {
        let index = slot as usize;
        let start = index.checked_mul(self.slot_bytes)?;
        let end = start.checked_add(self.slot_bytes)?;
        (index < SLOTS_MAX && end <= self.core.memory().len()).then_some(start)
    }

    /// Queues a read of `len` bytes at `offset` to byte `at` of `slot`. With `fixed`, through
    /// the registered arena, where it is registered. A read of more than 2 GiB is short.
    ///
    /// # Errors
    /// See [`PushError`]; nothing was queued then.
    pub fn push(
        &mut self,
        slot: u32,
        at: usize,
        len: usize,
        target: &ReadTarget,
        offset: u64,
        fixed: bool,
    ) -> std::result::Result<(), PushError> {
        if self.is_inherited() {
            return Err(PushError::Inherited);
        }
        let start = self.slot_start(slot).ok_or(PushError::Invalid)?;
        let fits = at.checked_add(len).is_some_and(|end| end <= self.slot_bytes);
        let is_free = !self.core.is_in_flight(slot as usize);
        if !fits || !is_free || len == 0 || offset > OFFSET_MAX {
            return Err(PushError::Invalid);
        }
        let address = self.core.memory().address(start + at);
        let fixed = fixed && self.core.setup.has(Feature::RegisteredArena);
        let (fd, file) = match target {
            ReadTarget::Fd(fd) => (Ok(types::Fd(fd.as_raw_fd())), Some(Arc::clone(fd))),
            ReadTarget::Kept(place) => (Err(types::Fixed(*place)), None),
        };
        let len = len.min(READ_BYTES_MAX) as u32;
        let entry = read_entry(fd, address, len, offset, fixed);
        // SAFETY: the entry writes `len` bytes at `address`, inside a slot of the shared arena that
        // is not in flight and is neither lent nor reused before its completion was taken.
        unsafe { self.core.push(slot as usize, Read(file), entry) }.map_err(|_| PushError::Full)
    }

    /// Gives the kernel all that is queued and waits until at least `want` reads have ended (as
    /// many as are in flight at the most). One `io_uring_enter(2)`; `EINTR` is not an error.
    ///
    /// # Errors
    /// `EAGAIN` when the kernel has no memory for the requests, `EBUSY` when completions must be
    /// taken first: reap, then call again. `ECHILD` in a forked child.
    pub fn submit_and_wait(&mut self, want: usize) -> Result<()> {
        self.core.submit_and_wait(want.min(self.in_flight()), None)
    }

    /// Takes all completions that are there, without a system call; returns how many.
    pub fn reap(&mut self, out: &mut Vec<Completion>) -> usize {
        self.reap_some(out, usize::MAX)
    }

    /// Takes `most` of the completions that are there, or all where there are fewer; the others
    /// stay. As [`ReadRing::reap`] otherwise.
    pub fn reap_some(&mut self, out: &mut Vec<Completion>, most: usize) -> usize {
        let before = out.len();
        self.core.reap(most, |_, slot, progress, cqe| {
            if let Progress::Ended(_) = progress {
                out.push(Completion { slot: slot as u32, result: result_of(cqe.result()) });
            }
        });
        out.len() - before
    }

    /// The bytes of `slot`; none while it is in flight.
    #[must_use]
    pub fn bytes(&self, slot: u32) -> Option<&[u8]> {
        let start = self.slot_start(slot)?;
        if self.core.is_in_flight(slot as usize) {
            return None;
        }
        let start = self.core.memory().address(start);
        // SAFETY: the slot lies in the arena (checked), is not in flight, and `push`, the only way
        // to put it in flight, needs `&mut self`, which the returned borrow keeps away.
        Some(unsafe { std::slice::from_raw_parts(start, self.slot_bytes) })
    }

    /// Cancels what is in flight and waits until the kernel has let go of every buffer. What
    /// was read is thrown away.
    ///
    /// # Errors
    /// When the kernel cannot be asked; the ring is then of no more use. `ECHILD` in a forked
    /// child.
    pub fn quiesce(&mut self) -> Result<()> {
        self.core.quiesce()
    }
}

fn read_entry(
    fd: std::result::Result<types::Fd, types::Fixed>,
    address: *mut u8,
    len: u32,
    offset: u64,
    fixed: bool,
) -> squeue::Entry {
    match (fd, fixed) {
        (Ok(fd), false) => opcode::Read::new(fd, address, len).offset(offset).build(),
        (Ok(fd), true) => opcode::ReadFixed::new(fd, address, len, 0).offset(offset).build(),
        (Err(fd), false) => opcode::Read::new(fd, address, len).offset(offset).build(),
        (Err(fd), true) => opcode::ReadFixed::new(fd, address, len, 0).offset(offset).build(),
    }
}
