//! What carries the operations of a core: the ring, the way without a ring, or the fake.

use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome};

use super::cold::Cold;
use super::counters::Snapshot;
use super::fake::Fake;
use super::remote::Remote;
use super::ring::Ring;
use super::slots::{Holder, OpId, Slots};

/// What carries operations out.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a core has one of them, and a box would be one more step for each operation"
)]
pub(super) enum Carrier {
    Ring(Ring),
    Cold(Cold),
    Fake(Fake),
}

impl Carrier {
    pub(super) fn ring(&self) -> Option<&Ring> {
        match self {
            Self::Ring(ring) => Some(ring),
            Self::Cold(_) | Self::Fake(_) => None,
        }
    }

    pub(super) fn ring_mut(&mut self) -> Option<&mut Ring> {
        match self {
            Self::Ring(ring) => Some(ring),
            Self::Cold(_) | Self::Fake(_) => None,
        }
    }

    pub(super) fn fake(&self) -> Option<&Fake> {
        match self {
            Self::Fake(fake) => Some(fake),
            Self::Ring(_) | Self::Cold(_) => None,
        }
    }

    /// The virtual time, where there is one.
    pub(super) fn virtual_now(&self) -> Option<Duration> {
        self.fake().map(Fake::now)
    }

    /// Whether to refuse an operation although there is room.
    pub(super) fn pretends_to_be_full(&mut self) -> bool {
        match self {
            Self::Fake(fake) => fake.pretends_to_be_full(),
            Self::Ring(_) | Self::Cold(_) => false,
        }
    }

    /// Takes an operation over: its slot says what has it, or how it ended.
    pub(super) fn submit(&mut self, id: OpId, op: Op, slots: &mut Slots) {
        match self {
            Self::Ring(ring) => ring.submit(id, op, slots),
            Self::Cold(cold) => cold.submit(id, op, slots),
            Self::Fake(fake) => fake.submit(&[id], vec![op], slots),
        }
    }

    /// Takes operations over that are done one after the other.
    pub(super) fn submit_linked(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        match self {
            Self::Ring(ring) => ring.submit_linked(ids, ops, slots),
            Self::Cold(cold) => cold.submit_linked(ids, ops, slots),
            Self::Fake(fake) => fake.submit(ids, ops, slots),
        }
    }

    /// Asks for an early end; the operation still has an outcome.
    pub(super) fn cancel(&mut self, id: OpId, holder: Holder) {
        match self {
            Self::Ring(ring) => ring.cancel(id, holder),
            Self::Cold(cold) => cold.cancel(id, holder),
            Self::Fake(fake) => fake.cancel(id),
        }
    }

    /// Whether there are outcomes that the next turn delivers without waiting.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Ring(ring) => ring.has_ended(),
            Self::Cold(cold) => cold.readiness.has_ended(),
            Self::Fake(_) => false,
        }
    }

    /// Starts what was submitted and delivers what has ended. Where the core `sleeps`, waits until
    /// something has, but not longer than `timeout`.
    pub(super) fn turn(&mut self, sleeps: bool, timeout: Option<Duration>, slots: &mut Slots) {
        match self {
            Self::Ring(ring) => ring.turn(sleeps, timeout, slots),
            Self::Cold(cold) => {
                cold.readiness.turn(if sleeps { timeout } else { Some(Duration::ZERO) });
                cold.deliver(slots);
            }
            Self::Fake(fake) => fake.turn(sleeps, timeout, slots),
        }
    }

    /// A thread of the pool has carried out an operation.
    pub(super) fn end(&mut self, id: OpId, outcome: Outcome, slots: &mut Slots) {
        match self {
            Self::Ring(ring) => ring.end(id, outcome, slots),
            Self::Cold(cold) => cold.end(id, outcome, slots),
            Self::Fake(_) => slots.complete(id, outcome),
        }
    }

    /// Wakes another core; false where it may not have arrived.
    pub(super) fn wake(&mut self, remote: &Remote, slots: &mut Slots) -> bool {
        self.ring_mut().is_some_and(|ring| ring.wake(remote, slots))
    }

    pub(super) fn count(&self, taken: &mut Snapshot) {
        match self {
            Self::Ring(ring) => ring.count(taken),
            Self::Cold(cold) => cold.count(taken),
            Self::Fake(_) => {}
        }
    }
}
