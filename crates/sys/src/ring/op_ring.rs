//! A ring for operations of any kind.
//!
//! # Safety
//! The kernel reads and writes what an [`Op`] owns until its last completion. So an operation in
//! flight lies in a slot where nothing can reach it; its heap memory does not move, as slots
//! only ever move the handles to it; and when the ring goes away it first waits for all of them, or, where
//! the kernel cannot be asked, leaks them (`Drop`). A child made by `fork(2)` has the ring's
//! descriptor but not its memory (`MADV_DONTFORK`): there, too, all is leaked.
#![allow(unsafe_code)]

use std::fmt;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use rustix::process::{Pid, getpid};

use super::config::{RingConfig, Setup};
use super::entry::{Flight, entry};
use super::group::{Group, GroupBuf, GroupId};
use super::message::Message;
use super::op::{DatagramHead, Event, LINKED_MAX, Op, Outcome, Part};
use super::queue::{CANCEL as NOBODY, is_refused_cancel};
use super::setup::{set_up, try_out};
use crate::{Errno, Result};

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

/// A ring for the thread that made it.
pub struct OpRing {
    ring: mem::ManuallyDrop<IoUring>,
    /// The process that has the ring's memory.
    made_by: Pid,
    flights: mem::ManuallyDrop<Vec<Option<Flight>>>,
    free: Vec<OpKey>,
    in_flight: usize,
    setup: Setup,
    counts: OpCounts,
    /// The kernel does not cancel all at once (before 5.19): they are cancelled one by one.
    one_by_one: bool,
    /// Boxed, as the kernel may still read one that moves into a flight.
    #[expect(clippy::vec_box, reason = "the address must not change")]
    messages: Vec<Box<Message>>,
    /// Let go of after the flights.
    groups: mem::ManuallyDrop<Vec<Group>>,
}

impl fmt::Debug for OpRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (setup, in_flight) = (&self.setup, self.in_flight);
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
        let (mut ring, setup) = set_up(config)?;
        // Waits with a timeout need it (5.11).
        if !ring.params().is_feature_ext_arg() {
            return Err(Errno::NOSYS);
        }
        try_out(&mut ring)?;
        Ok(Self {
            ring: mem::ManuallyDrop::new(ring),
            made_by: getpid(),
            flights: mem::ManuallyDrop::new(Vec::new()),
            free: Vec::new(),
            in_flight: 0,
            setup,
            counts: OpCounts::default(),
            one_by_one: false,
            messages: Vec::new(),
            groups: mem::ManuallyDrop::new(Vec::new()),
        })
    }

    /// Makes a group of `count` buffers (a power of two) of `buffer_bytes` each, for
    /// [`Op::RecvMany`].
    ///
    /// # Errors
    /// `EINVAL` for other counts and on kernels before 5.19; `ENOMEM`.
    pub fn add_group(&mut self, count: u16, buffer_bytes: u32) -> Result<GroupId> {
        let id = GroupId::try_from(self.groups.len()).map_err(|_| Errno::INVAL)?;
        let group = Group::register(&self.ring.submitter(), id, count, buffer_bytes)?;
        self.groups.push(group);
        Ok(id)
    }

    /// Buffers of a group that are in somebody's hand.
    #[must_use]
    pub fn group_lent(&self, id: GroupId) -> u16 {
        self.groups.get(usize::from(id)).map_or(0, Group::lent)
    }

    /// The ring's descriptor, for [`Op::Tell`] of another ring.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn descriptor(&self) -> Result<OwnedFd> {
        // SAFETY: the ring holds its descriptor open for as long as `self` is borrowed.
        let fd = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        rustix::io::fcntl_dupfd_cloexec(fd, 0)
    }

    /// What was granted and what was refused.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> OpCounts {
        OpCounts { overflows: self.overflows(), ..self.counts }
    }

    fn overflows(&self) -> u64 {
        // The kernel counts what it had to drop; what it kept aside it gives back by itself.
        // SAFETY: no other view of the completion queue is alive, as this needs `&self` of the
        // only owner and views are made by `&mut self` alone; reading a counter moves nothing.
        u64::from(unsafe { self.ring.completion_shared() }.overflow())
    }

    /// Operations whose outcome was not taken yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Queues `op`; it is given to the kernel by the next submission. Where the queue is full, it
    /// is submitted first.
    ///
    /// # Errors
    /// The operation comes back, with `EINVAL` where its bounds are wrong, and else with why the
    /// full queue could not be submitted (`EAGAIN`, `EBUSY`).
    pub fn push(&mut self, op: Op) -> core::result::Result<OpKey, (Op, Errno)> {
        let mut flight = self.flight(op);
        let Some(entry) = entry(&mut flight) else { return Err((flight.op, Errno::INVAL)) };
        if let Err(errno) = self.make_room(1) {
            return Err((flight.op, errno));
        }
        self.queue(flight, &entry).map_err(|flight| (flight.op, Errno::BUSY))
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
    ) -> core::result::Result<Vec<OpKey>, (Vec<Op>, Errno)> {
        let mut flights: Vec<Flight> = ops.into_iter().map(|op| self.flight(op)).collect();
        let entries: Vec<_> = flights.iter_mut().filter_map(entry).collect();
        let back = |flights: Vec<Flight>, errno| {
            (flights.into_iter().map(|flight| flight.op).collect(), errno)
        };
        let most = LINKED_MAX.min(self.ring.params().sq_entries() as usize);
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
            // There is room for all of them: none is refused.
            keys.extend(self.queue(flight, &entry).ok());
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
        Flight { op, how: None, message, sent: None }
    }

    /// Submits what is queued where fewer than `entries` fit behind it; `EBUSY` where the kernel did
    /// not take enough of it.
    fn make_room(&mut self, entries: usize) -> Result<()> {
        if self.room() >= entries {
            return Ok(());
        }
        self.submit()?;
        if self.room() >= entries { Ok(()) } else { Err(Errno::BUSY) }
    }

    fn room(&mut self) -> usize {
        let queue = self.ring.submission();
        queue.capacity() - queue.len()
    }

    /// Queues the entry of `flight`; comes back where the queue is full.
    fn queue(
        &mut self,
        flight: Flight,
        entry: &squeue::Entry,
    ) -> core::result::Result<OpKey, Flight> {
        let key = match self.free.last() {
            Some(&key) => key,
            None => self.flights.len() as OpKey,
        };
        let entry = entry.clone().user_data(u64::from(key));
        // SAFETY: all that the entry points to is owned by the flight, which the next lines put
        // where it stays until the completion was taken.
        if unsafe { self.ring.submission().push(&entry) }.is_err() {
            return Err(flight);
        }
        if self.free.pop().is_none() {
            self.flights.push(None);
        }
        self.flights[key as usize] = Some(flight);
        self.in_flight += 1;
        self.counts.pushed += 1;
        Ok(key)
    }

    /// Asks the kernel to end an operation early; it still has an outcome, `ECANCELED` if that
    /// came in time.
    ///
    /// # Errors
    /// When the queue is full and cannot be submitted.
    pub fn cancel(&mut self, key: OpKey) -> Result<()> {
        let entry = opcode::AsyncCancel::new(u64::from(key)).build().user_data(NOBODY);
        if self.ring.submission().is_full() {
            self.submit()?;
        }
        // SAFETY: a cancellation refers to no memory.
        unsafe { self.ring.submission().push(&entry) }.map_err(|_| Errno::BUSY)
    }

    /// Gives the kernel all that is queued.
    ///
    /// # Errors
    /// `EAGAIN` when the kernel has no memory, `EBUSY` when completions must be taken first.
    pub fn submit(&mut self) -> Result<()> {
        self.counts.enters += 1;
        done(self.ring.submit())
    }

    /// Gives the kernel all that is queued, and waits for one completion, but not longer than
    /// `timeout`. One `io_uring_enter(2)`. That it was interrupted, or the time is over, is no
    /// error.
    ///
    /// # Errors
    /// As [`OpRing::submit`].
    pub fn submit_and_wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        self.counts.enters += 1;
        let Some(timeout) = timeout else { return done(self.ring.submit_and_wait(1)) };
        let time = types::Timespec::from(timeout);
        let args = types::SubmitArgs::new().timespec(&time);
        match done(self.ring.submitter().submit_with_args(1, &args)) {
            Err(Errno::TIME) => Ok(()),
            other => other,
        }
    }

    /// Takes what has completed, without a system call.
    pub fn reap(&mut self, mut each: impl FnMut(OpKey, Event)) -> usize {
        let mut taken = 0;
        for cqe in self.ring.completion() {
            let key = cqe.user_data();
            let slot = usize::try_from(key).ok().and_then(|at| self.flights.get_mut(at));
            let Some(slot) = slot else {
                self.one_by_one |= is_refused_cancel(&cqe);
                continue;
            };
            let Some(flight) = slot.as_mut() else { continue };
            taken += 1;
            let (raw, flags) = (cqe.result(), cqe.flags());
            let goes_on = cqueue::more(flags);
            if let Op::SendZeroCopy { copied, .. } = &mut flight.op {
                if goes_on {
                    flight.sent = Some(raw);
                    continue;
                }
                *copied = cqueue::notif(flags) && raw as u32 & ZERO_COPY_COPIED != 0;
            }
            let mut received = received(&flight.op, &self.groups, raw, flags);
            let head = match (&flight.message, &mut received) {
                (Some(message), Some(buf)) => message.unpack(buf),
                _ => DatagramHead::default(),
            };
            if goes_on {
                if let Ok(result) = u32::try_from(raw) {
                    let fd = made(&flight.op, raw);
                    each(key as OpKey, Event::Part(Part { result, fd, buf: received, head }));
                }
                continue;
            }
            let Some(mut flight) = slot.take() else { continue };
            self.in_flight -= 1;
            self.free.push(key as OpKey);
            let raw = flight.sent.unwrap_or(raw);
            if let Some(message) = flight.message.take() {
                let said = if raw >= 0 { message.head() } else { DatagramHead::default() };
                match &mut flight.op {
                    Op::RecvFrom { from, .. } => *from = said.from,
                    Op::RecvSegments { head, .. } => *head = said,
                    _ => {}
                }
                if self.messages.len() < SPARE_MESSAGES_MAX {
                    self.messages.push(message);
                }
            }
            if received.is_some() {
                let result = raw.max(0) as u32;
                each(key as OpKey, Event::Part(Part { result, fd: None, buf: received, head }));
            }
            each(key as OpKey, Event::End(outcome(flight.op, raw)));
        }
        self.counts.reaped += taken as u64;
        self.counts.reaps += u64::from(taken > 0);
        taken
    }

    /// Cancels operations in flight with keys from `next` on; the key at which the queue was full.
    fn cancel_from(&mut self, next: usize) -> usize {
        for at in next..self.flights.len() {
            let entry = opcode::AsyncCancel::new(at as u64).build();
            if self.flights[at].is_some() && !self.push_cancel(entry) {
                return at;
            }
        }
        self.flights.len()
    }

    /// Whether there was room for it.
    fn push_cancel(&mut self, entry: squeue::Entry) -> bool {
        // SAFETY: a cancellation refers to no memory.
        unsafe { self.ring.submission().push(&entry.user_data(NOBODY)) }.is_ok()
    }

    /// Ends everything in flight and waits for it.
    fn quiesce(&mut self) -> Result<()> {
        let (mut asked, mut next) = (false, 0);
        while self.in_flight > 0 {
            self.reap(|_, _| {});
            if self.in_flight == 0 {
                break;
            }
            if self.one_by_one {
                next = self.cancel_from(next);
            } else if !asked {
                let all = types::CancelBuilder::any();
                asked = self.push_cancel(opcode::AsyncCancel2::new(all).build());
            }
            match self.submit_and_wait(None) {
                Ok(()) | Err(Errno::AGAIN | Errno::BUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl Drop for OpRing {
    fn drop(&mut self) {
        if getpid() != self.made_by {
            return;
        }
        if self.quiesce().is_ok() {
            // SAFETY: nothing is in flight, and the field is not used again.
            unsafe { mem::ManuallyDrop::drop(&mut self.flights) };
            // SAFETY: as above: nothing in flight may take a buffer any more.
            unsafe { mem::ManuallyDrop::drop(&mut self.groups) };
        }
        // Otherwise what is in flight is leaked: the kernel may still write to it.
        // SAFETY: the field is not used again, and its memory is this process's, which made it.
        unsafe { mem::ManuallyDrop::drop(&mut self.ring) };
    }
}

pub(super) fn done(result: std::io::Result<usize>) -> Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(e) => match Errno::from_io_error(&e) {
            Some(Errno::INTR) => Ok(()),
            Some(errno) => Err(errno),
            None => Err(Errno::IO),
        },
    }
}

/// The descriptor that an operation has made.
fn made(op: &Op, raw: i32) -> Option<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for the operation, and nobody else
    // knows of it.
    (raw >= 0 && op.makes_fd()).then(|| unsafe { OwnedFd::from_raw_fd(raw as RawFd) })
}

/// What an operation has received into a group's buffer.
fn received(op: &Op, groups: &[Group], raw: i32, flags: u32) -> Option<GroupBuf> {
    let (Op::RecvMany { group, .. } | Op::RecvFromMany { group, .. }) = op else { return None };
    // The kernel names a buffer wherever it has taken one, be it empty.
    groups.get(usize::from(*group))?.take(cqueue::buffer_select(flags)?, raw.max(0) as u32)
}

fn outcome(op: Op, raw: i32) -> Outcome {
    let result = u32::try_from(raw).map_err(|_| Errno::from_raw_os_error(raw.saturating_neg()));
    let fd = made(&op, raw);
    Outcome { op, result, fd }
}

/// Says that a send was to be from where the bytes are and the kernel made a copy of them
/// (`IORING_NOTIF_USAGE_ZC_COPIED`).
const ZERO_COPY_COPIED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    fn ring_or_skip() -> Option<OpRing> {
        OpRing::new(&RingConfig { entries: 8, ..RingConfig::default() })
            .inspect_err(|e| cutwater_testing::skip!("no io_uring here: {e}"))
            .ok()
    }

    fn file(bytes: &[u8]) -> Arc<OwnedFd> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file.into())
    }

    fn all(ring: &mut OpRing) -> Vec<(OpKey, Outcome)> {
        let mut out = Vec::new();
        while ring.in_flight() > 0 {
            ring.submit_and_wait(None).unwrap();
            ring.reap(|key, event| {
                if let Event::End(outcome) = event {
                    out.push((key, outcome));
                }
            });
        }
        out
    }

    #[test]
    fn buffers_come_back_with_what_was_read() {
        let Some(mut ring) = ring_or_skip() else { return };
        let file = file(b"0123456789");
        // More than the queue holds.
        for offset in 0..20 {
            let op = Op::Read { file: Arc::clone(&file), buf: vec![b'-'; 5], at: 1, offset };
            ring.push(op).map_err(|(_, e)| e).unwrap();
        }
        let done = all(&mut ring);
        assert_eq!(done.len(), 20);
        for (_, mut outcome) in done {
            let Op::Read { offset, .. } = outcome.op else { panic!("another operation") };
            let n = 10usize.saturating_sub(offset as usize).min(4);
            assert_eq!(outcome.result, Ok(n as u32));
            let buf = outcome.op.take_buf();
            assert_eq!(&buf[1..=n], &b"0123456789"[(offset as usize).min(10)..][..n]);
            assert_eq!(buf[0], b'-');
        }
    }

    #[test]
    fn a_place_outside_of_the_buffer_is_refused() {
        let Some(mut ring) = ring_or_skip() else { return };
        let op = Op::Read { file: file(b"x"), buf: vec![0; 5], at: 6, offset: 0 };
        assert!(matches!(ring.push(op), Err((Op::Read { .. }, Errno::INVAL))));
        assert_eq!(ring.in_flight(), 0);
    }

    #[test]
    fn what_is_cancelled_ends_and_what_is_dropped_with_the_ring_too() {
        let Some(mut ring) = ring_or_skip() else { return };
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let reader = Arc::new(reader);
        let read = || Op::Read { file: Arc::clone(&reader), buf: vec![0; 5], at: 0, offset: 0 };
        let key = ring.push(read()).map_err(|(_, e)| e).unwrap();
        ring.submit().unwrap();
        ring.cancel(key).unwrap();
        assert_eq!(all(&mut ring)[0].1.result, Err(Errno::CANCELED));
        // As a kernel before 5.19 has it, too; more than the queue holds.
        for one_by_one in [false, true] {
            let Some(mut ring) = ring_or_skip() else { return };
            ring.one_by_one = one_by_one;
            for _ in 0..20 {
                ring.push(read()).map_err(|(_, e)| e).unwrap();
            }
            ring.submit().unwrap();
            drop(ring);
            assert_eq!(Arc::strong_count(&reader), 1, "the ring let go of everything");
        }
    }

    #[test]
    fn a_descriptor_that_nobody_takes_is_closed() {
        let Some(mut ring) = ring_or_skip() else { return };
        let dir = tempfile::tempdir().unwrap();
        let path =
            std::ffi::CString::new(dir.path().join("x").into_os_string().into_encoded_bytes());
        let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
        let (mode, resolve) = (rustix::fs::Mode::RUSR, rustix::fs::ResolveFlags::empty());
        let op = Op::Open { dir: None, path: path.unwrap(), flags, mode, resolve };
        ring.push(op).map_err(|(_, e)| e).unwrap();
        let mut done = all(&mut ring);
        let raw = done[0].1.fd.as_ref().unwrap().as_raw_fd();
        let link = format!("/proc/self/fd/{raw}");
        assert!(std::fs::read_link(&link).unwrap().ends_with("x"));
        done.clear();
        assert!(!std::fs::read_link(&link).is_ok_and(|to| to.ends_with("x")));
    }

    #[test]
    fn a_wait_with_a_timeout_ends() {
        let Some(mut ring) = ring_or_skip() else { return };
        ring.submit_and_wait(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(ring.reap(|_, _| {}), 0);
    }

    #[test]
    fn a_chain_that_is_longer_than_the_queue_comes_back_whole() {
        let Some(mut ring) = ring_or_skip() else { return };
        let chain = |n| (0..n).map(|_| Op::Nop).collect::<Vec<_>>();
        for _ in 0..3 {
            ring.push(Op::Nop).map_err(|(_, e)| e).unwrap();
        }
        let refused = ring.push_linked(chain(9)).unwrap_err();
        assert_eq!((refused.0.len(), refused.1), (9, Errno::INVAL));
        assert_eq!(ring.in_flight(), 3);
        assert_eq!(ring.push_linked(chain(8)).map_err(|(_, e)| e).unwrap().len(), 8);
        assert_eq!(all(&mut ring).len(), 11);
    }
}
