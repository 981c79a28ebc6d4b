//! Carries operations out.
//!
//! [`Driver`] has the state of each operation ([`slots`]) and what carries it out ([`carrier`]): the
//! [`ring`], the way without one ([`cold`]), or a simulated kernel ([`fake`]). Other threads reach a core
//! through its [`remote`].

mod atomics;
mod backend;
mod carrier;
mod cold;
mod counters;
mod fake;
mod parking;
mod perform;
pub(crate) mod pool;
mod readiness;
pub(crate) mod remote;
mod ring;
mod slots;
mod sockets;

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use cutwater_sys::ring::{Event, GroupId, Op, OpRing, Outcome};

pub use backend::Backend;
use carrier::Carrier;
use cold::Cold;
pub(crate) use counters::DELAY_CLASSES;
pub use counters::Snapshot;
pub(crate) use fake::Fake;
use pool::Pool;
use readiness::Readiness;
use remote::Remote;
use ring::Ring;
pub use ring::{Degraded, Path, STRANDED};
pub(crate) use ring::{
    RING_ENTRIES_DEFAULT, SHARED_BUFFER_BYTES, SHARED_BUFFERS_DEFAULT, SharedBuffers,
};
use slots::Slots;
pub(crate) use slots::{OpId, Ticket};

/// The longest wait of a core. The kernel adds the time to its clock, and a sum that is too large is
/// over at once.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits of one core.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Operations in flight.
    pub(crate) in_flight_max: usize,
    /// Entries of its ring.
    pub(crate) ring_entries: u32,
    /// Buffers that its sockets share.
    pub(crate) shared_buffers: u16,
}

/// The operations of one core and what carries them out.
#[derive(Debug)]
pub(crate) struct Driver {
    slots: Slots,
    carrier: Carrier,
    remote: Arc<Remote>,
    /// Why the host refused a ring.
    refused: Option<io::Error>,
}

impl Driver {
    pub(crate) fn new(backend: Backend, limits: &Limits, pool: Arc<Pool>) -> io::Result<Self> {
        let (ring, refused) = open_ring(backend, limits.ring_entries)?;
        let descriptor = ring.as_ref().map(OpRing::descriptor).transpose()?;
        let remote = Arc::new(Remote::new(descriptor.map(Arc::new))?);
        let readiness = Readiness::new(&remote)?;
        let cold = |readiness| Cold::new(pool, readiness, Arc::clone(&remote));
        let carrier = match (ring, backend.simulated()) {
            (Some(ring), _) => {
                Carrier::Ring(Ring::new(ring, limits.shared_buffers, cold(readiness)))
            }
            (None, Some((seed, fails))) => Carrier::Fake(Fake::new(seed, fails, readiness)),
            (None, None) => Carrier::Cold(cold(readiness)),
        };
        Ok(Self { slots: Slots::new(limits.in_flight_max), carrier, remote, refused })
    }

    /// What other threads see of this core.
    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.carrier.ring().is_some_and(|ring| !ring.is_over())
    }

    /// Why there is no ring: the host refused it at the start, or later.
    pub(crate) fn refused(&self) -> Option<String> {
        let over = self.carrier.ring().and_then(Ring::why_over).map(io::Error::from);
        over.as_ref().or(self.refused.as_ref()).map(ToString::to_string)
    }

    /// The virtual time, where there is one.
    pub(crate) fn virtual_now(&self) -> Option<Duration> {
        self.carrier.virtual_now()
    }

    /// The simulated kernel, where there is one.
    pub(crate) fn fake(&self) -> Option<&Fake> {
        self.carrier.fake()
    }

    /// Holds operations on one path. Without a ring there is one path only.
    pub(crate) fn force(&mut self, path: Option<Path>) {
        if let Some(ring) = self.carrier.ring_mut() {
            ring.degrade.force(path);
        }
    }

    pub(crate) fn path(&self) -> Path {
        self.carrier.ring().map_or(Path::Cold, |ring| ring.degrade.path())
    }

    pub(crate) fn why_degraded(&self) -> Option<Degraded> {
        self.carrier.ring().and_then(|ring| ring.degrade.reason)
    }

    /// Makes the kernel refuse the next enters of the ring.
    #[cfg(test)]
    pub(crate) fn refuse_enters(&mut self, times: u64, errno: rustix::io::Errno) {
        if let Some(ring) = self.carrier.ring_mut() {
            ring.refuse_enters(times, errno);
        }
    }

    #[cfg(test)]
    pub(crate) fn messages_refused(&self) -> bool {
        self.carrier.ring().is_some_and(Ring::messages_refused)
    }

    /// The group of shared buffers for multishot receives; `None` without a ring in use, and where
    /// the kernel has no such groups.
    pub(crate) fn buffers(&mut self, which: SharedBuffers) -> Option<GroupId> {
        self.carrier.ring_mut()?.buffers(which)
    }

    /// Whether multishot operations are available now.
    pub(crate) fn has_multishot(&self) -> bool {
        self.path() == Path::Hot
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut taken = Snapshot {
            unparks: self.remote.unparks(),
            held_back: self.slots.held_back_total(),
            in_flight: self.slots.in_flight() as u64,
            ..Snapshot::default()
        };
        self.carrier.count(&mut taken);
        taken
    }

    /// Submits an operation. It comes back where too many are in flight; `waker` is woken when there
    /// is room. The caller keeps `ticket` for its next try, or gives it to [`Driver::leave_queue`].
    pub(crate) fn submit(
        &mut self,
        op: Op,
        waker: &Waker,
        ticket: &mut Option<Ticket>,
    ) -> Result<OpId, Op> {
        if self.carrier.pretends_to_be_full() {
            self.slots.hold_back(waker, ticket);
            return Err(op);
        }
        let Some(id) = self.slots.reserve(&op, waker, ticket) else { return Err(op) };
        self.carrier.submit(id, op, &mut self.slots);
        Ok(id)
    }

    /// Submits operations that are done one after the other; as [`Driver::submit`].
    pub(crate) fn submit_linked(
        &mut self,
        ops: Vec<Op>,
        waker: &Waker,
        ticket: &mut Option<Ticket>,
    ) -> Result<Vec<OpId>, Vec<Op>> {
        let Some(ids) = self.slots.reserve_chain(&ops, waker, ticket) else { return Err(ops) };
        self.carrier.submit_linked(&ids, ops, &mut self.slots);
        Ok(ids)
    }

    /// Removes an operation that waited for room.
    pub(crate) fn leave_queue(&mut self, ticket: Ticket) {
        self.slots.leave_queue(ticket);
    }

    /// The outcome, where it is there; otherwise it wakes `waker`.
    pub(crate) fn poll(&mut self, id: OpId, waker: &Waker) -> Option<Outcome> {
        self.slots.poll(id, waker)
    }

    /// The next result of a multishot operation; its outcome is the last.
    pub(crate) fn poll_next(&mut self, id: OpId, waker: &Waker) -> Option<Event> {
        self.slots.poll_next(id, waker)
    }

    /// Results of a multishot operation that nobody has taken.
    pub(crate) fn untaken(&self, id: OpId) -> usize {
        self.slots.untaken(id)
    }

    /// Asks for an early end of an operation; it still has an outcome.
    pub(crate) fn cancel(&mut self, id: OpId) {
        if let Some(holder) = self.slots.holder(id) {
            self.carrier.cancel(id, holder);
        }
    }

    /// Nobody wants the outcome any more: cancels the operation.
    pub(crate) fn orphan(&mut self, id: OpId) {
        self.cancel(id);
        self.slots.orphan(id);
    }

    /// One turn: starts what was submitted, and takes what has ended. With `idle`, waits until
    /// something has, but not longer than `timeout`.
    pub(crate) fn turn(&mut self, idle: bool, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| timeout.min(WAIT_MAX));
        let busy = self.slots.room_is_wanted() || self.carrier.has_ended();
        let sleeps = idle && !busy && self.remote.may_sleep();
        self.carrier.turn(sleeps, timeout, &mut self.slots);
        self.remote.awake();
        while let Some((id, outcome)) = self.remote.outcomes.pop() {
            self.carrier.end(id, outcome, &mut self.slots);
        }
        self.slots.offer_room();
    }

    /// Wakes another core by a message to its ring, at once; false where it may not have arrived.
    pub(crate) fn wake(&mut self, remote: &Remote) -> bool {
        self.carrier.wake(remote, &mut self.slots)
    }
}

/// The ring, where `backend` wants one; or why the host refuses it, where the pool will do.
fn open_ring(backend: Backend, entries: u32) -> io::Result<(Option<OpRing>, Option<io::Error>)> {
    match backend {
        Backend::Fake(_) | Backend::FakeFailing(_) | Backend::Pool => Ok((None, None)),
        Backend::Ring => Ok((Some(ring::open(entries, false)?), None)),
        #[cfg(test)]
        Backend::RingWithoutMessages => Ok((Some(ring::open(entries, true)?), None)),
        Backend::Auto => match ring::open(entries, false) {
            Ok(ring) => Ok((Some(ring), None)),
            Err(errno) => {
                let why = io::Error::from(errno);
                tracing::info!(%why, "no io_uring: operations go to a pool of threads");
                Ok((None, Some(why)))
            }
        },
    }
}
