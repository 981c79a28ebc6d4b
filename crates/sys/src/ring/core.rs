//! What both kinds of ring are made of: the queues, what is in flight, and the memory that the kernel uses.
//!
//! # Safety
//! The kernel reads and writes memory of an operation between its submission and its last completion.
//! Three facts keep that memory in place:
//! - a flight stays in its slot, out of reach, until its last completion was taken;
//! - [`Drop`] cancels and waits for all flights, closes the ring, and only then frees flights and memory.
//!   Where the kernel cannot be asked, they are leaked;
//! - a child made by `fork(2)` has the ring's descriptor but not its queues (`MADV_DONTFORK`). There
//!   each call is refused before it reaches them, and everything is leaked.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use io_uring::{EnterFlags, IoUring, Submitter, cqueue, opcode, squeue, types};

use super::config::{Feature, RingConfig, Setup, UNWATCHED, done};
use super::setup::{set_up, try_out};
use crate::origin::Origin;
use crate::{Errno, Result, errno_of};

/// A flag of `io_uring_enter(2)`: a wait is that of an idle thread (`IORING_ENTER_NO_IOWAIT`).
const NO_IOWAIT: u32 = 1 << 7;

/// What a ring keeps of an operation until its last completion.
pub(super) trait InFlight {
    /// Releases what a completion with the result `raw` brought, which nobody takes.
    fn discard(&mut self, raw: i32);
}

/// A completion, and the flight that it belongs to.
pub(super) enum Progress<'a, T> {
    /// More completions follow.
    Partial(&'a mut T),
    /// It was the last.
    Ended(T),
}

/// A ring for the thread that made it, in the process that made it. `T` is what it keeps of an
/// operation, `M` the memory that all of them share.
pub(super) struct Core<T: InFlight, M> {
    ring: ManuallyDrop<IoUring>,
    origin: Origin,
    /// The kernel lets one thread submit (`IORING_SETUP_SINGLE_ISSUER`).
    _of_thread: PhantomData<*const ()>,
    flights: ManuallyDrop<Vec<Option<T>>>,
    memory: ManuallyDrop<M>,
    in_flight: usize,
    enters: u64,
    /// For each slot, how many entries were queued before its own.
    stamps: Vec<u64>,
    /// Entries queued so far.
    queued: u64,
    /// Entries that the submission queue holds.
    entries: u32,
    /// The ring was given up, and is closed.
    is_abandoned: bool,
    /// Enters to be refused, and the error, for tests.
    refusals: (u64, Errno),
    pub(super) setup: Setup,
    /// The kernel cannot cancel all operations at once (before 5.19), so they are cancelled one by one.
    pub(super) one_by_one: bool,
}

impl<T: InFlight, M> Core<T, M> {
    /// Sets up a ring, with the memory that its operations share.
    ///
    /// # Errors
    /// `ENOSYS`, `EPERM`, `ENOMEM`, `EMFILE` where the kernel refuses io_uring, or only
    /// `io_uring_enter(2)`.
    pub(super) fn new(config: &RingConfig, memory: M) -> Result<Self> {
        let (mut ring, setup) = set_up(config)?;
        try_out(&mut ring)?;
        let entries = ring.params().sq_entries();
        Ok(Self {
            ring: ManuallyDrop::new(ring),
            origin: Origin::here(),
            _of_thread: PhantomData,
            flights: ManuallyDrop::new(Vec::new()),
            memory: ManuallyDrop::new(memory),
            in_flight: 0,
            enters: 0,
            stamps: Vec::new(),
            queued: 0,
            entries,
            is_abandoned: false,
            refusals: (0, Errno::AGAIN),
            setup,
            one_by_one: false,
        })
    }

    pub(super) fn is_inherited(&self) -> bool {
        !self.origin.is_here()
    }

    /// `ECHILD` in a forked child, `ENOTRECOVERABLE` once the ring was given up. The queues are
    /// then gone.
    pub(super) fn check_usable(&self) -> Result<()> {
        if self.is_inherited() {
            Err(Errno::CHILD)
        } else if self.is_abandoned {
            Err(Errno::NOTRECOVERABLE)
        } else {
            Ok(())
        }
    }

    /// Makes the next `times` calls of `io_uring_enter(2)` fail with `errno`, without making them.
    pub(super) fn refuse_enters(&mut self, times: u64, errno: Errno) {
        self.refusals = (times, errno);
    }

    /// Registers something with the ring, and notes in `setup` whether it has `feature` now.
    pub(super) fn register(
        &mut self,
        feature: Feature,
        call: impl FnOnce(&Submitter<'_>, &M) -> std::io::Result<()>,
    ) -> Result<()> {
        let done = call(&self.submitter()?, &self.memory).map_err(errno_of);
        self.setup.note(feature, done);
        done
    }

    /// For registrations.
    pub(super) fn submitter(&self) -> Result<Submitter<'_>> {
        self.check_usable()?;
        Ok(self.ring.submitter())
    }

    /// A second descriptor of the ring.
    pub(super) fn descriptor(&self) -> Result<OwnedFd> {
        self.check_usable()?;
        // SAFETY: the ring holds its descriptor open for as long as `self` is borrowed.
        let fd = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        rustix::io::fcntl_dupfd_cloexec(fd, 0)
    }

    #[cfg(test)]
    pub(super) fn params(&self) -> &io_uring::Parameters {
        self.ring.params()
    }

    /// Entries that the submission queue holds.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// Whether waits with a timeout are possible (5.11).
    pub(super) fn can_time_out(&self) -> bool {
        self.check_usable().is_ok() && self.ring.params().is_feature_ext_arg()
    }

    /// The memory that operations share. The kernel may be writing to it.
    pub(super) fn memory(&self) -> &M {
        &self.memory
    }

    /// The same, to add to it. What the kernel may use must stay where it is.
    pub(super) fn memory_mut(&mut self) -> &mut M {
        &mut self.memory
    }

    /// Operations whose last completion was not taken yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn is_in_flight(&self, key: usize) -> bool {
        self.flights.get(key).is_some_and(Option::is_some)
    }

    /// Slots that were in use so far; the number of the next new one.
    pub(super) fn slots(&self) -> usize {
        self.flights.len()
    }

    /// Calls of `io_uring_enter(2)` so far.
    pub(super) fn enters(&self) -> u64 {
        self.enters
    }

    /// Completions that the kernel had to keep aside, as the queue was full.
    pub(super) fn overflows(&self) -> u64 {
        if self.check_usable().is_err() {
            return 0;
        }
        // SAFETY: no other view of the completion queue is alive, as this needs `&self` of the
        // only owner and views are made by `&mut self` alone; reading a counter moves nothing.
        u64::from(unsafe { self.ring.completion_shared() }.overflow())
    }

    /// Entries that fit in the submission queue now.
    pub(super) fn room(&mut self) -> Result<usize> {
        self.check_usable()?;
        let queue = self.ring.submission();
        Ok(queue.capacity() - queue.len())
    }

    /// Queues `entry` as the operation `key`; the flight comes back where the queue is full, where the
    /// slot is in use, or in a forked child.
    ///
    /// # Safety
    /// All memory that the entry points to is owned by `flight`, on the heap, or by the shared memory;
    /// and nothing reaches it before the last completion of `key` was taken.
    pub(super) unsafe fn push(
        &mut self,
        key: usize,
        flight: T,
        entry: squeue::Entry,
    ) -> std::result::Result<(), T> {
        if self.check_usable().is_err() || self.is_in_flight(key) {
            return Err(flight);
        }
        let entry = entry.user_data(key as u64);
        // SAFETY: the caller vouches for the memory; the flight is kept below.
        if unsafe { self.ring.submission().push(&entry) }.is_err() {
            return Err(flight);
        }
        if key >= self.flights.len() {
            self.flights.resize_with(key + 1, || None);
            self.stamps.resize(key + 1, 0);
        }
        self.stamps[key] = self.queued;
        self.queued += 1;
        self.flights[key] = Some(flight);
        self.in_flight += 1;
        Ok(())
    }

    /// Gives the kernel all that is queued and waits for `want` completions, at most for `timeout`. An
    /// interrupted wait and the end of the time are not errors.
    ///
    /// # Errors
    /// `EAGAIN` when the kernel has no memory, `EBUSY` when completions must be taken first, `ECHILD` in
    /// a forked child.
    pub(super) fn submit_and_wait(&mut self, want: usize, timeout: Option<Duration>) -> Result<()> {
        self.check_usable()?;
        // A kernel thread that is awake takes the entries by itself.
        let is_spared =
            want == 0 && self.setup.has(Feature::SqPoll) && !self.ring.submission().need_wakeup();
        self.enters += u64::from(!is_spared);
        if self.refusals.0 > 0 {
            self.refusals.0 -= 1;
            return Err(self.refusals.1);
        }
        let Some(timeout) = timeout else { return done(self.ring.submit_and_wait(want)) };
        let time = types::Timespec::from(timeout);
        let args = types::SubmitArgs::new().timespec(&time);
        match done(self.ring.submitter().submit_with_args(want, &args)) {
            Err(Errno::TIME) => Ok(()),
            other => other,
        }
    }

    /// Gives the kernel all that is queued and waits for one completion, at most for `timeout`, as a
    /// thread that has nothing to do: where the kernel can, the wait is not counted as iowait, which
    /// monitoring takes for a slow disk.
    ///
    /// # Errors
    /// As [`Self::submit_and_wait`].
    pub(super) fn rest(&mut self, timeout: Option<Duration>) -> Result<()> {
        let spares = self.setup.has(Feature::NoIowait) && !self.setup.has(Feature::SqPoll);
        if !spares || self.refusals.0 > 0 || self.check_usable().is_err() {
            return self.submit_and_wait(1, timeout);
        }
        self.enters += 1;
        let queued = self.ring.submission().len() as u32;
        let submitter = self.ring.submitter();
        let flags = EnterFlags::GETEVENTS.bits() | NO_IOWAIT;
        let entered = match timeout {
            // SAFETY: no argument is passed.
            None => unsafe { submitter.enter::<()>(queued, 1, flags, None) },
            Some(timeout) => {
                let time = types::Timespec::from(timeout);
                let args = types::SubmitArgs::new().timespec(&time);
                // SAFETY: with this flag the kernel takes such an argument, and both outlive the call.
                unsafe {
                    submitter.enter(queued, 1, flags | EnterFlags::EXT_ARG.bits(), Some(&args))
                }
            }
        };
        match done(entered) {
            Err(Errno::TIME) => Ok(()),
            other => other,
        }
    }

    /// Takes up to `most` completions without a system call and hands each to `take`: the shared memory,
    /// the number of the operation, the flight, and what the kernel wrote.
    pub(super) fn reap(
        &mut self,
        most: usize,
        mut take: impl FnMut(&M, usize, Progress<'_, T>, &cqueue::Entry),
    ) {
        if self.check_usable().is_err() {
            return;
        }
        for cqe in self.ring.completion().take(most) {
            let at = usize::try_from(cqe.user_data()).unwrap_or(usize::MAX);
            let Some(slot) = self.flights.get_mut(at) else {
                self.one_by_one |= is_refused_cancel(&cqe);
                continue;
            };
            let is_partial = cqueue::more(cqe.flags());
            let progress = match slot {
                Some(flight) if is_partial => Progress::Partial(flight),
                _ => match slot.take() {
                    Some(flight) => Progress::Ended(flight),
                    None => continue,
                },
            };
            self.in_flight -= usize::from(!is_partial);
            take(&self.memory, at, progress, &cqe);
        }
    }

    /// Asks the kernel to end an operation early; false where the queue is full.
    pub(super) fn push_cancel(&mut self, key: usize) -> bool {
        self.push_unwatched(&opcode::AsyncCancel::new(key as u64).build())
    }

    /// Cancels everything in flight and waits until the kernel has let go of all memory. Results are
    /// thrown away.
    ///
    /// # Errors
    /// When the kernel cannot be asked; the ring is then of no more use. `ECHILD` in a forked child.
    pub(super) fn quiesce(&mut self) -> Result<()> {
        self.check_usable()?;
        let (mut is_asked, mut next) = (false, 0);
        loop {
            self.reap(usize::MAX, |_, _, progress, cqe| match progress {
                Progress::Partial(flight) => flight.discard(cqe.result()),
                Progress::Ended(mut flight) => flight.discard(cqe.result()),
            });
            if self.in_flight == 0 {
                return Ok(());
            }
            if self.one_by_one {
                next = self.cancel_from(next);
            } else if !is_asked {
                let all = opcode::AsyncCancel2::new(types::CancelBuilder::any()).build();
                is_asked = self.push_unwatched(&all);
            }
            // If the queue had no room for all cancellations, nothing may ever complete.
            let has_asked = if self.one_by_one { next == self.flights.len() } else { is_asked };
            match self.submit_and_wait(usize::from(has_asked), None) {
                Ok(()) | Err(Errno::AGAIN | Errno::BUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Cancels the operations in flight in slots from `next` on; the slot at which the queue was full.
    fn cancel_from(&mut self, next: usize) -> usize {
        for at in next..self.flights.len() {
            if self.is_in_flight(at) && !self.push_cancel(at) {
                return at;
            }
        }
        self.flights.len()
    }

    /// Whether there was room for it.
    fn push_unwatched(&mut self, cancellation: &squeue::Entry) -> bool {
        let entry = cancellation.clone().user_data(UNWATCHED);
        if self.check_usable().is_err() {
            return false;
        }
        // SAFETY: a cancellation refers to no memory.
        let is_queued = unsafe { self.ring.submission().push(&entry) }.is_ok();
        self.queued += u64::from(is_queued);
        is_queued
    }

    /// Gives up the ring, which the kernel refuses to enter, and closes it. `each` gets what is in
    /// flight: by value if the kernel never saw it, otherwise by reference.
    ///
    /// What the kernel has is leaked: it may write to it until an unreported cancellation.
    pub(super) fn abandon(&mut self, mut each: impl FnMut(usize, Stranded<'_, T>)) {
        if self.check_usable().is_err() {
            return;
        }
        // A kernel thread may take entries at any time.
        let unseen = match self.setup.has(Feature::SqPoll) {
            true => 0,
            false => self.ring.submission().len() as u64,
        };
        self.is_abandoned = true;
        // SAFETY: each call checks the flag before it reaches the field, and so does `drop`.
        unsafe { ManuallyDrop::drop(&mut self.ring) };
        for (key, slot) in self.flights.iter_mut().enumerate() {
            if slot.is_some() && self.queued - self.stamps[key] <= unseen {
                let Some(flight) = slot.take() else { continue };
                self.in_flight -= 1;
                each(key, Stranded::Unseen(flight));
            } else if let Some(flight) = slot {
                each(key, Stranded::Held(flight));
            }
        }
    }
}

/// What is in flight when a ring is given up.
pub(super) enum Stranded<'a, T> {
    /// The kernel never saw it.
    Unseen(T),
    /// The kernel has it, and may write to its memory.
    Held(&'a T),
}

impl<T: InFlight, M> Drop for Core<T, M> {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The addresses of the queues can be another mapping's by now, and the number of the
            // descriptor another file's. The operations are the parent's.
            return;
        }
        if self.is_abandoned {
            return; // Closed already, and what the kernel had is leaked.
        }
        let is_quiet = self.quiesce().is_ok();
        // SAFETY: the field is not used again, and its memory is this process's, which made it.
        unsafe { ManuallyDrop::drop(&mut self.ring) };
        if !is_quiet {
            return; // Leaked: the kernel may still write to what is in flight.
        }
        // SAFETY: nothing is in flight, the ring is closed, and the field is not used again.
        unsafe { ManuallyDrop::drop(&mut self.flights) };
        // SAFETY: as above. A registration kept its pages, not the mapping.
        unsafe { ManuallyDrop::drop(&mut self.memory) };
    }
}

/// What an operation returns, from the number that the kernel wrote.
pub(super) fn result_of(raw: i32) -> Result<u32> {
    u32::try_from(raw).map_err(|_| Errno::from_raw_os_error(raw.saturating_neg()))
}

/// Whether this is the answer of a kernel that cannot cancel all at once.
fn is_refused_cancel(cqe: &cqueue::Entry) -> bool {
    cqe.user_data() == UNWATCHED && cqe.result() == -Errno::INVAL.raw_os_error()
}
