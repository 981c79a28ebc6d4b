//! The ring, and the way around it while it is in trouble.

mod buffers;
mod degrade;
mod messages;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{Event, GroupId, Op, OpKey, OpRing, Outcome, RingConfig};
use rustix::event::PollFlags;
use rustix::io::Errno;

pub(crate) use buffers::{SHARED_BUFFER_BYTES, SHARED_BUFFERS_DEFAULT, SharedBuffers};
use degrade::Degrade;
pub use degrade::{Degraded, Path};
use messages::Messages;
use refused::Refused;
pub use refused::STRANDED;

use super::cold::Cold;
use super::counters::Snapshot;
use super::remote::Remote;
use super::slots::{Holder, OpId, Slots};

/// Entries of a core's ring by default.
pub(crate) const RING_ENTRIES_DEFAULT: u32 = 256;

/// Entries of a core's ring at most: half of its completions.
const RING_ENTRIES_MAX: u32 = RING_COMPLETIONS / 2;

/// Completions that a core's ring holds before the kernel has to keep some aside.
const RING_COMPLETIONS: u32 = 4096;

/// How long a core pauses while the kernel refuses to enter its ring.
const REFUSED_PAUSE: Duration = Duration::from_millis(1);

/// Sets up a core's ring. `refuse_messages` is for tests: the kernel then takes no message from this ring.
pub(super) fn open(entries: u32, refuse_messages: bool) -> Result<OpRing, Errno> {
    OpRing::new(&RingConfig {
        entries: entries.clamp(1, RING_ENTRIES_MAX),
        completions: RING_COMPLETIONS,
        refuse_messages,
        ..RingConfig::default()
    })
}

/// A core's ring.
#[derive(Debug)]
pub(super) struct Ring {
    ring: OpRing,
    /// Carries operations out while the ring is in trouble, and ends a wait in the ring.
    cold: Cold,
    ids: Ids,
    buffers: [Option<GroupId>; 2],
    /// How many buffers the core's sockets share, of the small ones.
    buffers_count: u16,
    messages: Messages,
    /// The ring's wait for other threads and for sockets outside of it.
    outside: Option<OpKey>,
    pub(super) degrade: Degrade,
    /// How long the kernel has refused to be entered.
    refused: Refused,
    /// Operations whose cancellation the ring has not taken yet.
    uncancelled: Vec<OpKey>,
    overflows_seen: u64,
}

/// The operation that has each of the ring's keys.
#[derive(Debug, Default)]
struct Ids(Vec<Option<OpId>>);

impl Ids {
    fn set(&mut self, key: OpKey, id: OpId) {
        let at = key as usize;
        self.0.resize(self.0.len().max(at + 1), None);
        self.0[at] = Some(id);
    }

    fn get(&self, key: OpKey) -> Option<OpId> {
        self.0.get(key as usize).copied().flatten()
    }

    fn take(&mut self, key: OpKey) -> Option<OpId> {
        self.0.get_mut(key as usize).and_then(Option::take)
    }
}

impl Ring {
    pub(super) fn new(ring: OpRing, buffers_count: u16, cold: Cold) -> Self {
        Self {
            ring,
            cold,
            ids: Ids::default(),
            buffers: [None; 2],
            buffers_count,
            messages: Messages::default(),
            outside: None,
            degrade: Degrade::default(),
            refused: Refused::default(),
            uncancelled: Vec::new(),
            overflows_seen: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn refuse_enters(&mut self, times: u64, errno: Errno) {
        self.ring.refuse_enters(times, errno);
    }

    #[cfg(test)]
    pub(super) fn messages_refused(&self) -> bool {
        self.messages.refused()
    }

    /// The group of shared buffers; `None` while the ring is not used, and where the kernel has no
    /// such groups.
    pub(super) fn buffers(&mut self, which: SharedBuffers) -> Option<GroupId> {
        if self.degrade.path() != Path::Hot {
            return None;
        }
        let group = &mut self.buffers[which as usize];
        if group.is_none() {
            let (count, bytes) = which.size(self.buffers_count);
            *group = self.ring.add_group(count, bytes).ok();
        }
        *group
    }

    pub(super) fn submit(&mut self, id: OpId, op: Op, slots: &mut Slots) {
        let op = match self.degrade.path() {
            Path::Hot => match self.ring.push(op) {
                Ok(key) => {
                    self.ids.set(key, id);
                    return slots.submitted(id, Holder::Ring(key));
                }
                Err((op, Errno::INVAL)) => return slots.refuse(id, op, Errno::INVAL),
                Err((op, _)) => {
                    self.degrade.refused();
                    op
                }
            },
            Path::Cold => op,
        };
        self.degrade.went_cold();
        self.cold.submit(id, op, slots);
    }

    pub(super) fn submit_linked(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        if ops.len() > self.ring.entries() {
            // The kernel must get a chain as a whole.
            return self.cold.submit_linked(ids, ops, slots);
        }
        let ops = match self.degrade.path() {
            Path::Hot => match self.ring.push_linked(ops) {
                Ok(keys) => {
                    for (key, id) in keys.into_iter().zip(ids) {
                        self.ids.set(key, *id);
                        slots.submitted(*id, Holder::Ring(key));
                    }
                    return;
                }
                Err((ops, Errno::INVAL)) => {
                    let refuse = |(id, op): (&OpId, Op)| slots.refuse(*id, op, Errno::INVAL);
                    return ids.iter().zip(ops).for_each(refuse);
                }
                Err((ops, _)) => {
                    self.degrade.refused();
                    ops
                }
            },
            Path::Cold => ops,
        };
        self.degrade.went_cold();
        self.cold.submit_linked(ids, ops, slots);
    }

    pub(super) fn cancel(&mut self, id: OpId, holder: Holder) {
        match holder {
            // A multishot operation never ends by itself, so its cancellation is retried.
            Holder::Ring(key) if self.ring.cancel(key).is_err() => self.uncancelled.push(key),
            Holder::Ring(_) => {}
            other => self.cold.cancel(id, other),
        }
    }

    /// A thread of the pool has carried out an operation.
    pub(super) fn end(&mut self, id: OpId, outcome: Outcome, slots: &mut Slots) {
        self.cold.end(id, outcome, slots);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.cold.readiness.has_ended()
    }

    pub(super) fn turn(&mut self, sleeps: bool, timeout: Option<Duration>, slots: &mut Slots) {
        if self.is_over() {
            self.cold.readiness.turn(if sleeps { timeout } else { Some(Duration::ZERO) });
            return self.cold.deliver(slots);
        }
        self.cancel_again();
        let submitted = self.enter(sleeps, timeout);
        let outside = self.reap(slots);
        if outside || self.cold.readiness.waits() {
            self.cold.readiness.turn(Some(Duration::ZERO));
        }
        self.cold.deliver(slots);
        let pause = timeout.unwrap_or(REFUSED_PAUSE).min(REFUSED_PAUSE);
        if !self.goes_on(submitted, sleeps.then_some(pause), slots) {
            return;
        }
        let overflows = self.ring.counts().overflows;
        self.degrade.turned(overflows > self.overflows_seen);
        self.overflows_seen = overflows;
        for id in slots.take_crowded() {
            if let Some(holder) = slots.holder(id) {
                self.cancel(id, holder);
            }
        }
    }

    /// Submits what was pushed, and waits for a completion where the core sleeps.
    fn enter(&mut self, sleeps: bool, timeout: Option<Duration>) -> Result<(), Errno> {
        if sleeps && self.outside.is_none() {
            let events = PollFlags::IN;
            let op = Op::Poll { file: Arc::clone(self.cold.readiness.descriptor()), events };
            self.outside = self.ring.push(op).ok();
        }
        if sleeps && self.outside.is_none() {
            // The ring takes nothing. A wait in it could not be ended by another thread.
            self.cold.readiness.turn(Some(REFUSED_PAUSE));
            self.ring.submit()
        } else if sleeps {
            self.ring.submit_and_wait(timeout)
        } else if self.ring.in_flight() > usize::from(self.outside.is_some()) {
            // One enter submits what this turn pushed (up to BUDGET tasks' operations, more than
            // the 16 from which batches save no more) and takes what has ended; the kernel
            // prepares completions only when it is entered.
            self.ring.submit_and_wait(Some(Duration::ZERO))
        } else {
            Ok(())
        }
    }

    /// Takes what the ring has completed; whether another thread or an outside socket has something.
    fn reap(&mut self, slots: &mut Slots) -> bool {
        let Self { ring, ids, messages, outside, degrade, uncancelled, .. } = self;
        let mut ready = false;
        ring.reap(|key, event| match event {
            Event::Part(part) => {
                if let Some(id) = ids.get(key) {
                    slots.deliver(id, part);
                }
            }
            Event::End(_) if *outside == Some(key) => (*outside, ready) = (None, true),
            Event::End(Outcome { op: Op::Wake { .. }, result, .. }) => {
                messages.record_end(key, result)
            }
            Event::End(outcome) => {
                let short = matches!(outcome.result, Err(Errno::AGAIN | Errno::NOMEM));
                degrade.completed(short);
                // Another operation may soon have its key.
                uncancelled.retain(|asked| *asked != key);
                if let Some(id) = ids.take(key) {
                    slots.complete(id, outcome);
                }
            }
        });
        ready
    }

    /// Wakes another core by a message to its ring, at once; false where it may not have arrived.
    pub(super) fn wake(&mut self, remote: &Remote, slots: &mut Slots) -> bool {
        if self.messages.refused() || self.is_over() {
            return false;
        }
        let Some(ring) = remote.ring() else { return false };
        let Ok(key) = self.ring.push(Op::Wake { ring }) else { return false };
        self.messages.record_sent(key);
        // The kernel delivers the message, or refuses it, before the call returns; a message that it
        // kept back has no completion. If this reaps a wake of our own core, the next wait finds
        // that wake again.
        let _ = self.ring.submit();
        self.reap(slots);
        self.messages.has_arrived()
    }

    pub(super) fn count(&self, taken: &mut Snapshot) {
        let ring = self.ring.counts();
        (taken.submitted, taken.enters) = (ring.pushed, ring.enters);
        (taken.completed, taken.reaps) = (ring.reaped, ring.reaps);
        (taken.overflows, taken.switches) = (ring.overflows, self.degrade.switches);
        self.cold.count(taken);
    }
}

#[cfg(test)]
mod tests;
