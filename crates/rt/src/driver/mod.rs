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
use fake::Fake;
use pool::Pool;
use readiness::Readiness;
use remote::Remote;
use ring::Ring;
pub use ring::{Degraded, Path};
pub(crate) use ring::{SHARED_BUFFER_BYTES, SharedBuffers};
pub(crate) use slots::OpId;
use slots::Slots;

/// The longest wait of a core. The kernel adds the time to its clock, and a sum that is too large is
/// over at once.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

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
    pub(crate) fn new(backend: Backend, pool: Arc<Pool>, in_flight_max: usize) -> io::Result<Self> {
        let (ring, refused) = open_ring(backend)?;
        let descriptor = ring.as_ref().map(OpRing::descriptor).transpose()?;
        let remote = Arc::new(Remote::new(descriptor.map(Arc::new))?);
        let readiness = Readiness::new(&remote)?;
        let cold = |readiness| Cold::new(pool, readiness, Arc::clone(&remote));
        let carrier = match (ring, backend) {
            (Some(ring), _) => Carrier::Ring(Ring::new(ring, cold(readiness))),
            (None, Backend::Fake(seed)) => Carrier::Fake(Fake::new(seed, readiness)),
            (None, _) => Carrier::Cold(cold(readiness)),
        };
        Ok(Self { slots: Slots::new(in_flight_max), carrier, remote, refused })
    }

    /// What other threads see of this core.
    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.carrier.ring().is_some()
    }

    /// Why there is no ring, where the host refused one.
    pub(crate) fn refused(&self) -> Option<&io::Error> {
        self.refused.as_ref()
    }

    /// The virtual time, where there is one.
    pub(crate) fn virtual_now(&self) -> Option<Duration> {
        self.carrier.virtual_now()
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
    /// is room.
    pub(crate) fn submit(&mut self, op: Op, waker: &Waker) -> Result<OpId, Op> {
        let Some(id) = self.slots.reserve(&op, waker) else { return Err(op) };
        self.carrier.submit(id, op, &mut self.slots);
        Ok(id)
    }

    /// Submits operations that are done one after the other; as [`Driver::submit`].
    pub(crate) fn submit_linked(
        &mut self,
        ops: Vec<Op>,
        waker: &Waker,
    ) -> Result<Vec<OpId>, Vec<Op>> {
        let Some(ids) = self.slots.reserve_chain(&ops, waker) else { return Err(ops) };
        self.carrier.submit_linked(&ids, ops, &mut self.slots);
        Ok(ids)
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
            self.slots.complete(id, outcome);
        }
        self.slots.offer_room();
    }

    /// Wakes another core by a message to its ring, at once; false where it may not have arrived.
    pub(crate) fn wake(&mut self, remote: &Remote) -> bool {
        self.carrier.wake(remote, &mut self.slots)
    }
}

/// The ring, where `backend` wants one; or why the host refuses it, where the pool will do.
fn open_ring(backend: Backend) -> io::Result<(Option<OpRing>, Option<io::Error>)> {
    match backend {
        Backend::Fake(_) | Backend::Pool => Ok((None, None)),
        Backend::Ring => Ok((Some(ring::open(false)?), None)),
        #[cfg(test)]
        Backend::RingWithoutMessages => Ok((Some(ring::open(true)?), None)),
        Backend::Auto => match ring::open(false) {
            Ok(ring) => Ok((Some(ring), None)),
            Err(errno) => {
                let why = io::Error::from(errno);
                tracing::info!(%why, "no io_uring: operations go to a pool of threads");
                Ok((None, Some(why)))
            }
        },
    }
}
