//! A ring for operations of any kind.
//!
//! # Safety
//! The kernel reads and writes what an [`Op`] owns until its last completion. An operation in flight lies
//! in the core's table, where nothing can reach it; its heap memory does not move, as the table
//! only ever moves the handles to it. What frees or leaks it in the end is in `core`.
#![allow(unsafe_code)]

use std::fmt;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::{cqueue, squeue};

use super::config::{Feature, RingConfig, Setup};
use super::core::{self, Core, InFlight, Progress, result_of};
use super::entry::{Flight, entry};
use super::group::{Group, GroupBuf, GroupId};
use super::op::{Event, LINKED_MAX, Op, Outcome, Part};
use super::stranded::{Stranded, again, without_buffers};
use crate::io::datagram::DatagramHead;
use crate::io::message::Message;
use crate::{Errno, Result};

#[cfg(test)]
mod tests;

/// Headers that are kept for use by later messages.
const SPARE_MESSAGES_MAX: usize = 256;

/// The number of an operation in flight; used again once its outcome was taken.
pub type OpKey = u32;

/// Counts of what a ring did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpCounts {
    /// Operations given to the ring.
    pub pushed: u64,
    /// Calls of `io_uring_enter(2)`.
    pub enters: u64,
    /// Outcomes taken.
    pub reaped: u64,
    /// Times at which there was something to take.
    pub reaps: u64,
    /// Completions that the kernel had to keep aside, as the queue was full.
    pub overflows: u64,
}

impl InFlight for Flight {
    fn discard(&mut self, raw: i32) {
        drop(made_fd(&self.op, raw));
    }
}

/// A ring for the thread that made it, in the process that made it: a forked child gets an error from
/// every call.
pub struct OpRing {
    core: Core<Flight, Vec<Group>>,
    /// Slots whose operation has ended.
    free: Vec<OpKey>,
    counts: OpCounts,
    /// Boxed, as the kernel may still read one that moves into a flight.
    #[expect(clippy::vec_box, reason = "the address must not change")]
    messages: Vec<Box<Message>>,
}

impl fmt::Debug for OpRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (setup, in_flight) = (&self.core.setup, self.core.in_flight());
        f.debug_struct("OpRing").field("setup", setup).field("in_flight", &in_flight).finish()
    }
}

impl OpRing {
    /// Sets up a ring; of `config`, the arena is not used.
    ///
    /// # Errors
    /// When io_uring itself is refused: `ENOSYS`, `EPERM`, `ENOMEM`, `EMFILE`, be it only
    /// `io_uring_enter(2)`.
    pub fn new(config: &RingConfig) -> Result<Self> {
        let core = Core::new(config, Vec::new())?;
        // Waits with a timeout need it (5.11).
        if !core.can_time_out() {
            return Err(Errno::NOSYS);
        }
        let counts = OpCounts::default();
        Ok(Self { core, free: Vec::new(), counts, messages: Vec::new() })
    }

    /// Makes a group of `count` buffers (a power of two) of `buffer_bytes` each, for
    /// [`Op::RecvMany`].
    ///
    /// # Errors
    /// `EINVAL` for other counts and on kernels before 5.19; `ENOMEM`; `ECHILD` in a forked child.
    pub fn add_group(&mut self, count: u16, buffer_bytes: u32) -> Result<GroupId> {
        let id = GroupId::try_from(self.core.memory().len()).map_err(|_| Errno::INVAL)?;
        let group = Group::register(&self.core.submitter()?, id, count, buffer_bytes)?;
        self.core.memory_mut().push(group);
        Ok(id)
    }

    /// Buffers of a group that are lent out.
    #[must_use]
    pub fn group_lent(&self, id: GroupId) -> u16 {
        self.core.memory().get(usize::from(id)).map_or(0, Group::lent)
    }

    /// The ring's descriptor, for [`Op::Wake`] of another ring.
    ///
    /// # Errors
    /// `EMFILE`; `ECHILD` in a forked child.
    pub fn descriptor(&self) -> Result<OwnedFd> {
        self.core.descriptor()
    }

    /// What was granted and what was refused.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.core.setup
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> OpCounts {
        let (enters, overflows) = (self.core.enters(), self.core.overflows());
        OpCounts { enters, overflows, ..self.counts }
    }

    /// Entries that its queue holds, and so the most operations of a chain.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.core.entries() as usize
    }

    /// Operations whose outcome was not taken yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.core.in_flight()
    }

    /// Queues `op`; it is given to the kernel by the next submission. Where the queue is full, it
    /// is submitted first.
    ///
    /// # Errors
    /// The operation comes back, with `EINVAL` where its bounds are wrong, and else with why the
    /// full queue could not be submitted (`EAGAIN`, `EBUSY`).
    pub fn push(&mut self, op: Op) -> std::result::Result<OpKey, (Op, Errno)> {
        let mut flight = self.flight(op);
        let Some(entry) = entry(&mut flight) else { return Err((flight.op, Errno::INVAL)) };
        if let Err(errno) = self.make_room(1) {
            return Err((flight.op, errno));
        }
        self.queue(flight, entry).map_err(|flight| (flight.op, Errno::BUSY))
    }

    /// Queues `ops` so that each begins when the one before it was done whole
    /// (`IOSQE_IO_LINK`); where one was not, those after it end with `ECANCELED`.
    ///
    /// # Errors
    /// As [`OpRing::push`], and `EINVAL` for none, for more than [`LINKED_MAX`] of them, and for
    /// more than the queue holds; all come back.
    pub fn push_linked(
        &mut self,
        ops: Vec<Op>,
    ) -> std::result::Result<Vec<OpKey>, (Vec<Op>, Errno)> {
        let mut flights: Vec<Flight> = ops.into_iter().map(|op| self.flight(op)).collect();
        let entries: Vec<_> = flights.iter_mut().filter_map(entry).collect();
        let back = |flights: Vec<Flight>, errno| {
            (flights.into_iter().map(|flight| flight.op).collect(), errno)
        };
        let most = LINKED_MAX.min(self.entries());
        if flights.is_empty() || flights.len() > most || entries.len() < flights.len() {
            return Err(back(flights, Errno::INVAL));
        }
        // A chain is one where all of it is in one submission.
        if let Err(errno) = self.make_room(flights.len()) {
            return Err(back(flights, errno));
        }
        let last = flights.len() - 1;
        let mut keys = Vec::with_capacity(flights.len());
        for (at, (flight, entry)) in flights.into_iter().zip(entries).enumerate() {
            let entry = if at < last { entry.flags(squeue::Flags::IO_LINK) } else { entry };
            let flight = Flight { is_linked: last > 0, ..flight };
            // There is room for all of them: none is refused.
            keys.extend(self.queue(flight, entry).ok());
        }
        Ok(keys)
    }

    fn flight(&mut self, op: Op) -> Flight {
        let needs_message = matches!(
            op,
            Op::SendVectored { .. }
                | Op::RecvFrom { .. }
                | Op::RecvFromMany { .. }
                | Op::SendTo { .. }
                | Op::SendSegments { .. }
                | Op::RecvSegments { .. }
        );
        let message = needs_message.then(|| self.messages.pop().unwrap_or_else(Message::new));
        Flight { op, how: None, message, sent: None, is_linked: false }
    }

    /// Submits what is queued where fewer than `entries` fit after it; `EBUSY` where the kernel did
    /// not take enough of it.
    fn make_room(&mut self, entries: usize) -> Result<()> {
        if self.core.room()? >= entries {
            return Ok(());
        }
        self.submit()?;
        if self.core.room()? >= entries { Ok(()) } else { Err(Errno::BUSY) }
    }

    /// Queues the entry of `flight`; comes back where the queue is full.
    fn queue(
        &mut self,
        flight: Flight,
        entry: squeue::Entry,
    ) -> std::result::Result<OpKey, Flight> {
        let free = self.free.last().copied();
        let key = free.unwrap_or(self.core.slots() as OpKey);
        // SAFETY: all that the entry points to is owned by the flight, on the heap, and the core keeps
        // it out of reach until the last completion was taken.
        unsafe { self.core.push(key as usize, flight, entry) }?;
        if free.is_some() {
            self.free.pop();
        }
        self.counts.pushed += 1;
        Ok(key)
    }

    /// Asks the kernel to end an operation early; it still has an outcome, `ECANCELED` if that
    /// came in time.
    ///
    /// # Errors
    /// When the queue is full and cannot be submitted.
    pub fn cancel(&mut self, key: OpKey) -> Result<()> {
        self.make_room(1)?;
        if self.core.push_cancel(key as usize) { Ok(()) } else { Err(Errno::BUSY) }
    }

    /// Gives the kernel all that is queued.
    ///
    /// # Errors
    /// `EAGAIN` when the kernel has no memory, `EBUSY` when completions must be taken first, `ECHILD` in
    /// a forked child.
    pub fn submit(&mut self) -> Result<()> {
        self.core.submit_and_wait(0, None)
    }

    /// Gives the kernel all that is queued, and waits for one completion, but not longer than
    /// `timeout`. One `io_uring_enter(2)`. An interruption and the end of the time are not
    /// errors. The wait does not count as iowait where the kernel can say so ([`Feature::NoIowait`]).
    ///
    /// # Errors
    /// As [`OpRing::submit`].
    pub fn submit_and_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.core.rest(timeout)
    }

    /// Gives up a ring that the kernel refuses to enter (after `seccomp(2)`, for example), and
    /// closes it. Returns what to do with each operation in flight. From then on each call fails
    /// with `ENOTRECOVERABLE`.
    pub fn abandon(&mut self) -> Vec<(OpKey, Stranded)> {
        let mut all = Vec::new();
        let is_deferred = self.core.setup.has(Feature::DeferTaskrun);
        self.core.abandon(|key, stranded| {
            let stranded = match stranded {
                core::Stranded::Unseen(flight) if flight.is_linked => Stranded::NotBegun(flight.op),
                core::Stranded::Unseen(flight) => Stranded::ToDo(flight.op),
                core::Stranded::Held(flight) if flight.is_linked => {
                    Stranded::Unknown(without_buffers(&flight.op))
                }
                core::Stranded::Held(flight) => match again(&flight.op, is_deferred) {
                    Some(op) => Stranded::ToDo(op),
                    None => Stranded::Unknown(without_buffers(&flight.op)),
                },
            };
            all.push((key as OpKey, stranded));
        });
        all
    }

    /// Makes the next `times` calls of `io_uring_enter(2)` fail with `errno`, without making them: for tests
    /// of what a program does then.
    pub fn refuse_enters(&mut self, times: u64, errno: Errno) {
        self.core.refuse_enters(times, errno);
    }

    /// Takes what has completed, without a system call, and hands it to `each`; returns the number
    /// of completions.
    pub fn reap(&mut self, mut each: impl FnMut(OpKey, Event)) -> usize {
        let (mut taken, free, messages) = (0, &mut self.free, &mut self.messages);
        self.core.reap(usize::MAX, |groups, key, progress, cqe| {
            taken += 1;
            let key = key as OpKey;
            match progress {
                Progress::Partial(flight) => {
                    if let Some(part) = part_of(flight, groups, cqe) {
                        each(key, Event::Part(part));
                    }
                }
                Progress::Ended(mut flight) => {
                    free.push(key);
                    // What a receive got with its last completion.
                    if let Some((buf, head)) = received(&flight, groups, cqe) {
                        let result = cqe.result().max(0) as u32;
                        each(key, Event::Part(Part { result, fd: None, buf: Some(buf), head }));
                    }
                    messages.extend(end(&mut flight, cqe));
                    messages.truncate(SPARE_MESSAGES_MAX);
                    let raw = flight.sent.unwrap_or(cqe.result());
                    each(key, Event::End(outcome(flight.op, raw)));
                }
            }
        });
        self.counts.reaped += taken as u64;
        self.counts.reaps += u64::from(taken > 0);
        taken
    }
}

/// What a completion that is not the last has brought, if there is something to take.
fn part_of(flight: &mut Flight, groups: &[Group], cqe: &cqueue::Entry) -> Option<Part> {
    if let Op::SendZeroCopy { .. } = flight.op {
        flight.sent = Some(cqe.result());
        return None;
    }
    let received = received(flight, groups, cqe);
    let result = u32::try_from(cqe.result()).ok()?;
    let fd = made_fd(&flight.op, cqe.result());
    let (buf, head) = received.map_or((None, DatagramHead::default()), |(b, h)| (Some(b), h));
    Some(Part { result, fd, buf, head })
}

/// Fills in what the last completion says of a flight; the message header, to be used again.
fn end(flight: &mut Flight, cqe: &cqueue::Entry) -> Option<Box<Message>> {
    let raw = flight.sent.unwrap_or(cqe.result());
    let message = flight.message.take();
    let received = message.as_ref().filter(|_| raw >= 0).map(|message| message.head());
    match &mut flight.op {
        Op::SendZeroCopy { copied, .. } => {
            let is_copied = cqe.result() as u32 & ZERO_COPY_COPIED != 0;
            *copied = cqueue::notif(cqe.flags()) && is_copied;
        }
        Op::RecvFrom { from, .. } => *from = received.unwrap_or_default().from,
        Op::RecvSegments { head, .. } => *head = received.unwrap_or_default(),
        _ => {}
    }
    message
}

/// The descriptor that an operation has made.
fn made_fd(op: &Op, raw: i32) -> Option<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for the operation, and nobody else
    // knows of it.
    (raw >= 0 && op.makes_fd()).then(|| unsafe { OwnedFd::from_raw_fd(raw as RawFd) })
}

/// What an operation has received into a group's buffer.
fn received(
    flight: &Flight,
    groups: &[Group],
    cqe: &cqueue::Entry,
) -> Option<(GroupBuf, DatagramHead)> {
    let (Op::RecvMany { group, .. } | Op::RecvFromMany { group, .. }) = flight.op else {
        return None;
    };
    // The kernel names a buffer wherever it has taken one, be it empty.
    let (number, len) = (cqueue::buffer_select(cqe.flags())?, cqe.result().max(0) as u32);
    let mut buf = groups.get(usize::from(group))?.take(number, len)?;
    let Some(message) = &flight.message else { return Some((buf, DatagramHead::default())) };
    let (head, datagram) = message.unpack(&buf);
    buf.advance(datagram.start);
    buf.truncate(datagram.len());
    Some((buf, head))
}

fn outcome(op: Op, raw: i32) -> Outcome {
    let fd = made_fd(&op, raw);
    Outcome { op, result: result_of(raw), fd }
}

/// Reports that the kernel copied the bytes of a send that should have gone without a copy
/// (`IORING_NOTIF_USAGE_ZC_COPIED`).
const ZERO_COPY_COPIED: u32 = 1 << 31;
