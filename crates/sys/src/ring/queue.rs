//! Reads in flight into slots of an arena that belongs to the ring.
//!
//! # Safety
//! The kernel writes to a slot between the submission of a read and its completion. So:
//! a slot in flight can be neither lent nor given to a second read (`push` and `bytes` check
//! it); the arena is freed only once nothing is in flight, and leaked where the kernel cannot
//! be asked (`Drop`); the descriptor of a read is kept open until its completion was taken.
//! A child made by `fork(2)` has the ring's descriptor but not its queues (`MADV_DONTFORK`):
//! there every call is refused before it reaches them, and all is leaked.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use super::config::{Feature, RingConfig, Setup};
use super::setup::{set_up, try_out};
use crate::buffer::{Buffer, PAGE_BYTES};
use crate::origin::Origin;
use crate::pio::OFFSET_MAX;
use crate::{Errno, Result, errno_of};

/// Slots that an arena is cut into at most, and so the most reads in flight.
pub const SLOTS_MAX: usize = 1024;

/// Files that the table of long-lived files holds.
pub const FILES_MAX: u32 = 64;

/// The user data of a cancellation: no slot has this number.
pub(super) const CANCEL: u64 = u64::MAX;

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

#[derive(Default, Clone)]
struct Slot {
    in_flight: bool,
    /// Keeps the descriptor open; its number must not come to mean another file.
    _file: Option<Arc<OwnedFd>>,
}

/// Bytes of one read at most: what the kernel takes (`MAX_RW_COUNT`); a longer one is short.
const READ_BYTES_MAX: usize = i32::MAX as usize & !(PAGE_BYTES - 1);

/// A ring for reads, for the thread that made it, in the process that made it: a forked child
/// gets an error from every call and makes a ring of its own.
pub struct ReadRing {
    ring: mem::ManuallyDrop<IoUring>,
    made_in: Origin,
    /// The kernel lets one thread submit (`IORING_SETUP_SINGLE_ISSUER`).
    _of_thread: PhantomData<*const ()>,
    arena: mem::ManuallyDrop<Buffer>,
    slots: Vec<Slot>,
    slot_bytes: usize,
    in_flight: usize,
    files: Vec<Option<Arc<OwnedFd>>>,
    setup: Setup,
    enters: u64,
    /// The kernel does not cancel all at once (before 5.19): they are cancelled one by one.
    one_by_one: bool,
}

impl fmt::Debug for ReadRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRing")
            .field("setup", &self.setup)
            .field("in_flight", &self.in_flight)
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
        let arena = Buffer::new(config.arena_bytes)?;
        let (mut ring, mut setup) = set_up(config)?;
        try_out(&mut ring)?;
        if config.workers_max > 0 {
            let mut workers = [config.workers_max, 0];
            let done = ring.submitter().register_iowq_max_workers(&mut workers);
            let done = done.map_err(errno_of);
            setup.note(Feature::WorkersCap, done);
        }
        let mut new = Self {
            ring: mem::ManuallyDrop::new(ring),
            made_in: Origin::here(),
            _of_thread: PhantomData,
            arena: mem::ManuallyDrop::new(arena),
            slots: vec![Slot::default(); SLOTS_MAX],
            slot_bytes: PAGE_BYTES,
            in_flight: 0,
            files: Vec::new(),
            setup,
            enters: 0,
            one_by_one: false,
        };
        if config.register_arena {
            new.register_arena();
        }
        Ok(new)
    }

    /// What was granted and what was refused.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether it belongs to the process that this one was forked from.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        !self.made_in.is_here()
    }

    fn check_origin(&self) -> Result<()> {
        if self.is_inherited() { Err(Errno::CHILD) } else { Ok(()) }
    }

    /// Calls of `io_uring_enter(2)` so far; where a kernel thread submits and is awake, none is
    /// made to submit.
    #[must_use]
    pub fn enters(&self) -> u64 {
        self.enters
    }

    /// Reads in flight, with those not yet submitted.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Registers the arena (once), so that the kernel need not look up and pin its pages for
    /// each read; returns whether it is registered. It counts as locked memory.
    pub fn register_arena(&mut self) -> bool {
        let asked = self.setup.refused.iter().any(|r| r.feature == Feature::RegisteredArena);
        if self.is_inherited() {
            return false;
        }
        if self.setup.has(Feature::RegisteredArena) || asked {
            return !asked;
        }
        let iovec =
            libc::iovec { iov_base: self.arena.address(0).cast(), iov_len: self.arena.len() };
        // SAFETY: the arena stays mapped at this address until the ring was closed: see `Drop`.
        let done = unsafe { self.ring.submitter().register_buffers(&[iovec]) };
        let done = done.map_err(errno_of);
        self.setup.note(Feature::RegisteredArena, done);
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
        self.check_origin()?;
        if let Some(refused) =
            self.setup.refused.iter().find(|r| r.feature == Feature::RegisteredFiles)
        {
            return Err(refused.errno);
        }
        if self.files.is_empty() {
            let made = self.ring.submitter().register_files_sparse(FILES_MAX);
            let made = made.map_err(errno_of);
            self.setup.note(Feature::RegisteredFiles, made);
            made?;
            self.files = vec![None; FILES_MAX as usize];
        }
        if let Some(at) =
            self.files.iter().position(|f| f.as_ref().is_some_and(|f| Arc::ptr_eq(f, file)))
        {
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
        self.check_origin()?;
        let at = place as usize;
        if !self.files.get(at).is_some_and(Option::is_some) {
            return Err(Errno::INVAL);
        }
        if self.in_flight > 0 {
            return Err(Errno::BUSY);
        }
        self.update_file(at, -1)?;
        self.files[at] = None;
        Ok(())
    }

    fn update_file(&self, at: usize, fd: i32) -> Result<()> {
        let done = self.ring.submitter().register_files_update(at as u32, &[fd]);
        done.map(drop).map_err(errno_of)
    }

    /// Cuts the arena into slots of `slot_bytes`, rounded up to pages; returns how many.
    ///
    /// # Errors
    /// `EBUSY` while anything is in flight, `EINVAL` when not even one fits, `ECHILD` in a forked
    /// child.
    pub fn cut(&mut self, slot_bytes: usize) -> Result<usize> {
        self.check_origin()?;
        if self.in_flight > 0 {
            return Err(Errno::BUSY);
        }
        let rounded = slot_bytes.max(1).checked_next_multiple_of(PAGE_BYTES).ok_or(Errno::INVAL)?;
        let count = (self.arena.len() / rounded).min(SLOTS_MAX).min(self.entries());
        if count == 0 {
            return Err(Errno::INVAL);
        }
        self.slot_bytes = rounded;
        Ok(count)
    }

    /// Entries of the submission queue.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.ring.params().sq_entries() as usize
    }

    /// Queues a read of `len` bytes at `offset` to byte `at` of `slot`. With `fixed`, through
    /// the registered arena, where it is registered. Of more than 2 GiB the read is short.
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
    ) -> core::result::Result<(), PushError> {
        if self.is_inherited() {
            return Err(PushError::Inherited);
        }
        let index = slot as usize;
        let fits = at.checked_add(len).is_some_and(|end| end <= self.slot_bytes)
            && index
                .checked_add(1)
                .and_then(|n| n.checked_mul(self.slot_bytes))
                .is_some_and(|end| end <= self.arena.len());
        let free = self.slots.get(index).is_some_and(|s| !s.in_flight);
        if !fits || !free || len == 0 || offset > OFFSET_MAX {
            return Err(PushError::Invalid);
        }
        let address = self.arena.address(index * self.slot_bytes + at);
        let fixed = fixed && self.setup.has(Feature::RegisteredArena);
        let (fd, file) = match target {
            ReadTarget::Fd(fd) => (Ok(types::Fd(fd.as_raw_fd())), Some(Arc::clone(fd))),
            ReadTarget::Kept(place) => (Err(types::Fixed(*place)), None),
        };
        let len = len.min(READ_BYTES_MAX) as u32;
        let entry = read_entry(fd, address, len, offset, fixed).user_data(u64::from(slot));
        // SAFETY: the entry writes `len` bytes at `address`, inside a slot that is not in flight
        // and, marked below, is neither lent nor reused before its completion was taken.
        unsafe { self.ring.submission().push(&entry) }.map_err(|_| PushError::Full)?;
        self.slots[index] = Slot { in_flight: true, _file: file };
        self.in_flight += 1;
        Ok(())
    }

    /// Gives the kernel all that is queued and waits until at least `want` reads have ended (as
    /// many as are in flight at the most). One `io_uring_enter(2)`; `EINTR` is not an error.
    ///
    /// # Errors
    /// `EAGAIN` when the kernel has no memory for the requests, `EBUSY` when completions must be
    /// taken first: reap, then call again. `ECHILD` in a forked child.
    pub fn submit_and_wait(&mut self, want: usize) -> Result<()> {
        self.check_origin()?;
        let want = want.min(self.in_flight);
        let spared =
            want == 0 && self.setup.has(Feature::SqPoll) && !self.ring.submission().need_wakeup();
        self.enters += u64::from(!spared);
        match self.ring.submit_and_wait(want) {
            Ok(_) => Ok(()),
            Err(e) => match Errno::from_io_error(&e) {
                Some(Errno::INTR) => Ok(()),
                Some(errno) => Err(errno),
                None => Err(Errno::IO),
            },
        }
    }

    /// Takes all completions that are there, without a system call; returns how many.
    pub fn reap(&mut self, out: &mut Vec<Completion>) -> usize {
        self.reap_some(out, usize::MAX)
    }

    /// Takes `most` of the completions that are there, or all where there are fewer; the others
    /// stay. As [`ReadRing::reap`] otherwise.
    pub fn reap_some(&mut self, out: &mut Vec<Completion>, most: usize) -> usize {
        if self.is_inherited() {
            return 0;
        }
        let before = out.len();
        for cqe in self.ring.completion().take(most) {
            let Some(slot) = self.slots.get_mut(cqe.user_data() as usize) else {
                self.one_by_one |= is_refused_cancel(&cqe);
                continue;
            };
            *slot = Slot::default();
            self.in_flight -= 1;
            let result = u32::try_from(cqe.result())
                .map_err(|_| Errno::from_raw_os_error(cqe.result().saturating_neg()));
            out.push(Completion { slot: cqe.user_data() as u32, result });
        }
        out.len() - before
    }

    /// The bytes of `slot`; none while it is in flight.
    #[must_use]
    pub fn bytes(&self, slot: u32) -> Option<&[u8]> {
        let index = slot as usize;
        let end = (index + 1).checked_mul(self.slot_bytes)?;
        if self.slots.get(index)?.in_flight || end > self.arena.len() {
            return None;
        }
        let start = self.arena.address(index * self.slot_bytes);
        // SAFETY: the slot lies in the arena (checked), is not in flight, and `push`, the only way
        // to put it in flight, needs `&mut self`, which the returned borrow keeps away.
        Some(unsafe { core::slice::from_raw_parts(start, self.slot_bytes) })
    }

    /// Cancels what is in flight and waits until the kernel has let go of every buffer. What
    /// was read is thrown away.
    ///
    /// # Errors
    /// When the kernel cannot be asked; the ring is then of no more use. `ECHILD` in a forked
    /// child.
    pub fn quiesce(&mut self) -> Result<()> {
        self.check_origin()?;
        let mut thrown_away = Vec::new();
        let (mut asked, mut next) = (false, 0);
        while self.in_flight > 0 {
            self.reap(&mut thrown_away);
            thrown_away.clear();
            if self.one_by_one {
                next = self.cancel_from(next);
            } else if !asked {
                let all = types::CancelBuilder::any();
                asked = self.push_cancel(opcode::AsyncCancel2::new(all).build());
            }
            match self.submit_and_wait(1) {
                Ok(()) | Err(Errno::AGAIN | Errno::BUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl ReadRing {
    /// Cancels the reads in flight in slots from `next` on; the slot at which the queue was full.
    fn cancel_from(&mut self, next: usize) -> usize {
        for at in next..self.slots.len() {
            let entry = opcode::AsyncCancel::new(at as u64).build();
            if self.slots[at].in_flight && !self.push_cancel(entry) {
                return at;
            }
        }
        self.slots.len()
    }

    /// Whether there was room for it.
    fn push_cancel(&mut self, entry: squeue::Entry) -> bool {
        // SAFETY: a cancellation refers to no memory.
        unsafe { self.ring.submission().push(&entry.user_data(CANCEL)) }.is_ok()
    }
}

/// Whether this is the answer of a kernel that cannot cancel all at once.
pub(super) fn is_refused_cancel(cqe: &cqueue::Entry) -> bool {
    cqe.user_data() == CANCEL && cqe.result() == -Errno::INVAL.raw_os_error()
}

fn read_entry(
    fd: core::result::Result<types::Fd, types::Fixed>,
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

impl Drop for ReadRing {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The addresses of the queues can be somebody else's by now, and so can the number
            // of the descriptor. The reads are the parent's.
            return;
        }
        if self.quiesce().is_ok() {
            // SAFETY: nothing is in flight, so the kernel writes to no slot, and the field is not
            // used again. A registration keeps pages pinned, not the mapping.
            unsafe { mem::ManuallyDrop::drop(&mut self.arena) };
        }
        // Otherwise the arena is leaked: the kernel may still write to it.
        // SAFETY: the field is not used again, and its memory is this process's, which made it.
        unsafe { mem::ManuallyDrop::drop(&mut self.ring) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn ring_or_skip(config: &RingConfig) -> Option<ReadRing> {
        match ReadRing::new(config) {
            Ok(ring) => Some(ring),
            Err(e) => {
                cutwater_testing::skip!("no io_uring here: {e}");
                None
            }
        }
    }

    fn file(bytes: &[u8]) -> Arc<OwnedFd> {
        let mut f = tempfile::tempfile().unwrap();
        f.write_all(bytes).unwrap();
        Arc::new(f.into())
    }

    fn read_all(ring: &mut ReadRing, n: usize) -> Vec<Completion> {
        let mut out = Vec::new();
        while out.len() < n {
            ring.submit_and_wait(1).unwrap();
            ring.reap(&mut out);
        }
        out.sort_by_key(|c| c.slot);
        out
    }

    #[test]
    fn completions_that_are_not_taken_stay() {
        let file = file(&[7; 4096]);
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        ring.cut(4096).unwrap();
        for slot in 0..4 {
            ring.push(slot, 0, 4096, &ReadTarget::Fd(Arc::clone(&file)), 0, false).unwrap();
        }
        ring.submit_and_wait(4).unwrap();
        let mut out = Vec::new();
        assert_eq!((ring.reap_some(&mut out, 1), ring.in_flight()), (1, 3));
        assert_eq!((ring.reap_some(&mut out, 2), ring.in_flight()), (2, 1));
        assert_eq!((ring.reap_some(&mut out, 2), out.len()), (1, 4));
    }

    #[test]
    fn there_is_room_for_the_completion_of_every_slot() {
        for entries in [1, 32, 128] {
            let config = RingConfig { entries, ..RingConfig::default() };
            let Some(mut ring) = ring_or_skip(&config) else { return };
            let slots = ring.cut(1).unwrap();
            assert!(slots <= ring.ring.params().cq_entries() as usize, "{slots} slots");
        }
    }

    #[test]
    fn reads_land_in_their_slots() {
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        let fd = file(b"0123456789");
        assert!(ring.cut(100).unwrap() >= 64);
        for (fixed, place) in [(false, false), (true, false), (false, true), (true, true)] {
            if fixed {
                ring.register_arena();
            }
            let target = match place {
                true => ReadTarget::Kept(ring.keep_file(&fd).unwrap()),
                false => ReadTarget::Fd(fd.clone()),
            };
            ring.push(0, 0, 4, &target, 2, fixed).unwrap();
            ring.push(3, 1, 50, &target, 7, fixed).unwrap();
            let done = read_all(&mut ring, 2);
            assert_eq!(done[0], Completion { slot: 0, result: Ok(4) });
            assert_eq!(done[1], Completion { slot: 3, result: Ok(3) });
            assert_eq!(&ring.bytes(0).unwrap()[..4], b"2345");
            assert_eq!(&ring.bytes(3).unwrap()[1..4], b"789");
        }
        ring.release_file(0).unwrap();
        assert_eq!(ring.release_file(0), Err(Errno::INVAL));
    }

    #[test]
    fn a_slot_in_flight_is_neither_lent_nor_reused() {
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let target = ReadTarget::Fd(Arc::new(reader));
        ring.cut(4096).unwrap();
        // A read of an empty pipe stays in flight until we write.
        ring.push(5, 0, 1, &target, 0, false).unwrap();
        assert_eq!(ring.push(5, 0, 1, &target, 0, false), Err(PushError::Invalid));
        assert!(ring.bytes(5).is_none());
        assert_eq!((ring.cut(4096), ring.in_flight()), (Err(Errno::BUSY), 1));
        ring.submit_and_wait(0).unwrap();
        rustix::io::write(&writer, b"x").unwrap();
        assert_eq!(read_all(&mut ring, 1), [Completion { slot: 5, result: Ok(1) }]);
        assert_eq!(ring.bytes(5).unwrap()[0], b'x');
    }

    #[test]
    fn bounds_are_checked_before_the_kernel_is_asked() {
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        let target = ReadTarget::Fd(file(b"x"));
        let n = ring.cut(8192).unwrap() as u32;
        for (slot, at, len, offset) in [
            (0, 8192, 1, 0),
            (0, 0, 8193, 0),
            (0, usize::MAX, 2, 0),
            (0, 0, 0, 0),
            (0, 0, 1, OFFSET_MAX + 1),
            (n.max(1024), 0, 1, 0),
            (u32::MAX, 0, 1, 0),
        ] {
            assert_eq!(ring.push(slot, at, len, &target, offset, false), Err(PushError::Invalid));
        }
        assert_eq!(ring.cut(usize::MAX), Err(Errno::INVAL));
        assert_eq!(ring.in_flight(), 0);
    }

    #[test]
    fn quiescing_ends_what_would_wait_for_ever() {
        let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let target = ReadTarget::Fd(Arc::new(reader));
        ring.cut(4096).unwrap();
        // As a kernel before 5.19 has it, too.
        for one_by_one in [false, true] {
            ring.one_by_one = one_by_one;
            for slot in 0..8 {
                ring.push(slot, 0, 1, &target, 0, false).unwrap();
            }
            ring.submit_and_wait(0).unwrap();
            ring.quiesce().unwrap();
            assert_eq!(ring.in_flight(), 0);
            assert!(ring.bytes(0).is_some());
        }
    }

    #[test]
    fn a_ring_that_was_dropped_keeps_no_file_open() {
        use rustix::event::{PollFd, PollFlags, poll};
        // More than the rings that a thread can have the kernel keep for it.
        for n in 0..20 {
            let Some(mut ring) = ring_or_skip(&RingConfig::default()) else { return };
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            ring.keep_file(&Arc::new(writer)).unwrap();
            drop(ring);
            // The kernel takes a ring down in its own time; one that is leaked never goes.
            let mut fds = [PollFd::new(&reader, PollFlags::IN)];
            let minute = rustix::event::Timespec { tv_sec: 60, tv_nsec: 0 };
            assert_eq!(poll(&mut fds, Some(&minute)), Ok(1), "ring {n} is still there");
            assert!(fds[0].revents().contains(PollFlags::HUP));
        }
    }

    #[test]
    fn a_read_of_4_gib_is_no_read_of_nothing() {
        const SLOT: usize = 4 << 30;
        let config = RingConfig { arena_bytes: SLOT, ..RingConfig::default() };
        let Some(mut ring) = ring_or_skip(&config) else { return };
        assert_eq!(ring.cut(SLOT), Ok(1));
        ring.push(0, 0, SLOT, &ReadTarget::Fd(file(b"0123456789")), 0, false).unwrap();
        assert_eq!(read_all(&mut ring, 1), [Completion { slot: 0, result: Ok(10) }]);
    }
}
