//! The operations of a core: the state of each from submission to outcome, who waits for it, and how
//! many may be in flight.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::task::Waker;

use cutwater_sys::ring::{Event, Op, OpKey, Outcome, Part};
use rustix::io::Errno;

use super::sockets::waits_for_peer;

/// The number of an operation; used again once the operation is over.
pub(crate) type OpId = u32;

/// The place of an operation among those that wait for room.
pub(crate) type Ticket = u64;

/// Results of a multishot operation that may wait to be taken. At this number the operation is ended;
/// its reader starts it again. So a slow reader holds a sixteenth of the core's buffers.
const UNTAKEN_MAX: usize = 32;

/// The carrier that has an operation, and can be asked to end it early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Ring(OpKey),
    Pool,
    Readiness,
    Fake,
    /// None yet: it comes later in a chain.
    Later,
}

/// The life of an operation.
#[derive(Debug)]
enum Life {
    /// Submitted; nobody waits yet.
    Submitted(Holder),
    /// Submitted; the completion wakes this.
    Waiting(Holder, Waker),
    /// A multishot operation that has delivered a result.
    Multishot(Box<Multishot>),
    /// Nobody wants it any more. Its completion frees what it owns.
    Cancelled,
    /// Over; to be taken.
    Completed(Outcome),
}

/// What a multishot operation has delivered and nobody has taken.
#[derive(Debug)]
struct Multishot {
    holder: Holder,
    parts: VecDeque<Part>,
    waker: Option<Waker>,
    /// Set once the operation has ended.
    end: Option<Outcome>,
}

/// The operations of one core.
#[derive(Debug)]
pub(super) struct Slots {
    lives: Vec<Option<Life>>,
    free: Vec<OpId>,
    in_flight: usize,
    /// Those in flight that only wait for a peer. The number of descriptors limits them, and they must
    /// not keep others from starting: the peer may wait for one of those.
    waiting_for_peers: usize,
    in_flight_max: usize,
    /// Operations that wait for room: one waker for each, in order of arrival.
    held_back: BTreeMap<Ticket, Waker>,
    next_ticket: Ticket,
    held_back_total: u64,
    /// Multishot operations with [`UNTAKEN_MAX`] results; to be ended.
    crowded: Vec<OpId>,
}

impl Slots {
    pub(super) fn new(in_flight_max: usize) -> Self {
        Self {
            lives: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            waiting_for_peers: 0,
            in_flight_max: in_flight_max.max(1),
            held_back: BTreeMap::new(),
            next_ticket: 0,
            held_back_total: 0,
            crowded: Vec::new(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Operations that had to wait for room so far.
    pub(super) fn held_back_total(&self) -> u64 {
        self.held_back_total
    }

    /// A slot for `op`; without room, `None`, and `waker` is woken when there is some. The operation keeps
    /// `ticket` for its next try.
    pub(super) fn reserve(
        &mut self,
        op: &Op,
        waker: &Waker,
        ticket: &mut Option<Ticket>,
    ) -> Option<OpId> {
        let for_peer = waits_for_peer(op);
        if !for_peer && self.counted() >= self.in_flight_max {
            self.hold_back(waker, ticket);
            return None;
        }
        self.admit(ticket);
        self.in_flight += 1;
        self.waiting_for_peers += usize::from(for_peer);
        debug_assert!(for_peer || self.counted() <= self.in_flight_max, "the limit holds");
        Some(self.new_id())
    }

    /// Slots for a chain, as [`Slots::reserve`]. A chain that is longer than the limit starts alone.
    pub(super) fn reserve_chain(
        &mut self,
        ops: &[Op],
        waker: &Waker,
        ticket: &mut Option<Ticket>,
    ) -> Option<Vec<OpId>> {
        let counted = self.counted();
        if counted > 0 && counted + ops.len() > self.in_flight_max {
            self.hold_back(waker, ticket);
            return None;
        }
        self.admit(ticket);
        self.in_flight += ops.len();
        self.waiting_for_peers += ops.iter().filter(|op| waits_for_peer(op)).count();
        Some(ops.iter().map(|_| self.new_id()).collect())
    }

    fn new_id(&mut self) -> OpId {
        self.free.pop().unwrap_or_else(|| {
            self.lives.push(None);
            self.lives.len() as OpId - 1
        })
    }

    /// Operations in flight that count against the limit.
    fn counted(&self) -> usize {
        self.in_flight - self.waiting_for_peers
    }

    /// Keeps the waker of an operation that waits for room: one for each.
    pub(super) fn hold_back(&mut self, waker: &Waker, ticket: &mut Option<Ticket>) {
        if let Some(known) = ticket.and_then(|ticket| self.held_back.get_mut(&ticket)) {
            return known.clone_from(waker);
        }
        self.held_back_total += u64::from(ticket.is_none());
        // One that was woken and came too late keeps its turn.
        let ticket = *ticket.get_or_insert_with(|| {
            self.next_ticket += 1;
            self.next_ticket
        });
        self.held_back.insert(ticket, waker.clone());
    }

    fn admit(&mut self, ticket: &mut Option<Ticket>) {
        if let Some(ticket) = ticket.take() {
            self.held_back.remove(&ticket);
        }
    }

    /// Removes an operation that waited for room.
    pub(super) fn leave_queue(&mut self, ticket: Ticket) {
        self.held_back.remove(&ticket);
    }

    /// Operations that wait for room now.
    #[cfg(test)]
    pub(super) fn held_back(&self) -> usize {
        self.held_back.len()
    }

    /// Whether there is room that somebody waits for. A task that was woken to take it may be gone,
    /// and then it is the next one's.
    pub(super) fn room_is_wanted(&self) -> bool {
        !self.held_back.is_empty() && self.counted() < self.in_flight_max
    }

    /// Wakes those that wait for room, as many as there is room for.
    pub(super) fn offer_room(&mut self) {
        for _ in self.counted()..self.in_flight_max {
            let Some((_, waker)) = self.held_back.pop_first() else { break };
            waker.wake();
        }
    }

    /// `holder` has taken the operation.
    pub(super) fn submitted(&mut self, id: OpId, holder: Holder) {
        self.lives[id as usize] = Some(Life::Submitted(holder));
    }

    /// Another carrier has taken over the operation. Its waiter stays.
    pub(super) fn moved(&mut self, id: OpId, holder: Holder) {
        let life = self.lives.get_mut(id as usize).and_then(Option::as_mut);
        if let Some(Life::Submitted(before) | Life::Waiting(before, _)) = life {
            *before = holder;
        }
    }

    /// The operation was refused before anything had it.
    pub(super) fn refuse(&mut self, id: OpId, op: Op, errno: Errno) {
        self.leave_flight(&op);
        self.lives[id as usize] = Some(Life::Completed(Outcome::plain(op, Err(errno))));
    }

    fn leave_flight(&mut self, op: &Op) {
        self.in_flight -= 1;
        self.waiting_for_peers -= usize::from(waits_for_peer(op));
    }

    /// The outcome, if it is there; otherwise it wakes `waker` later.
    pub(super) fn poll(&mut self, id: OpId, waker: &Waker) -> Option<Outcome> {
        let slot = self.lives.get_mut(id as usize)?;
        match slot {
            Some(Life::Completed(_)) => {
                let Some(Life::Completed(outcome)) = slot.take() else { return None };
                self.free.push(id);
                return Some(outcome);
            }
            Some(Life::Waiting(_, known)) => known.clone_from(waker),
            Some(Life::Submitted(holder)) => *slot = Some(Life::Waiting(*holder, waker.clone())),
            _ => {}
        }
        None
    }

    /// The next result of a multishot operation; its outcome is the last.
    pub(super) fn poll_next(&mut self, id: OpId, waker: &Waker) -> Option<Event> {
        let slot = self.lives.get_mut(id as usize)?;
        let Some(Life::Multishot(multishot)) = slot else {
            return self.poll(id, waker).map(Event::End);
        };
        if let Some(part) = multishot.parts.pop_front() {
            return Some(Event::Part(part));
        }
        if let Some(outcome) = multishot.end.take() {
            *slot = None;
            self.free.push(id);
            return Some(Event::End(outcome));
        }
        multishot.waker = Some(waker.clone());
        None
    }

    /// Results of a multishot operation that nobody has taken.
    pub(super) fn untaken(&self, id: OpId) -> usize {
        match self.lives.get(id as usize) {
            Some(Some(Life::Multishot(multishot))) => multishot.parts.len(),
            _ => 0,
        }
    }

    /// What has the operation, while it is in flight and wanted.
    pub(super) fn holder(&self, id: OpId) -> Option<Holder> {
        match self.lives.get(id as usize)?.as_ref()? {
            Life::Submitted(holder) | Life::Waiting(holder, _) => Some(*holder),
            Life::Multishot(multishot) if multishot.end.is_none() => Some(multishot.holder),
            _ => None,
        }
    }

    /// Nobody wants the outcome any more.
    pub(super) fn orphan(&mut self, id: OpId) {
        let Some(slot) = self.lives.get_mut(id as usize) else { return };
        match slot.take() {
            Some(Life::Completed(_)) => self.free.push(id),
            Some(Life::Multishot(multishot)) if multishot.end.is_some() => self.free.push(id),
            Some(_) => *slot = Some(Life::Cancelled),
            None => {}
        }
    }

    /// A multishot operation has delivered `part`.
    pub(super) fn deliver(&mut self, id: OpId, part: Part) {
        let Some(slot) = self.lives.get_mut(id as usize) else { return };
        let waker = match slot {
            Some(Life::Multishot(multishot)) => {
                multishot.parts.push_back(part);
                if multishot.parts.len() == UNTAKEN_MAX {
                    self.crowded.push(id);
                }
                multishot.waker.take()
            }
            Some(Life::Submitted(holder) | Life::Waiting(holder, _)) => {
                let (holder, parts) = (*holder, VecDeque::from([part]));
                let multishot = Multishot { holder, parts, waker: None, end: None };
                match slot.replace(Life::Multishot(Box::new(multishot))) {
                    Some(Life::Waiting(_, waker)) => Some(waker),
                    _ => None,
                }
            }
            // The part is dropped: its descriptor is closed, its buffer given back.
            _ => None,
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// The operation has ended.
    pub(super) fn complete(&mut self, id: OpId, outcome: Outcome) {
        self.leave_flight(&outcome.op);
        let Some(slot) = self.lives.get_mut(id as usize) else { return };
        match slot.take() {
            Some(Life::Waiting(_, waker)) => {
                *slot = Some(Life::Completed(outcome));
                waker.wake();
            }
            Some(Life::Submitted(_)) => *slot = Some(Life::Completed(outcome)),
            Some(Life::Multishot(mut multishot)) => {
                multishot.end = Some(outcome);
                let waker = multishot.waker.take();
                *slot = Some(Life::Multishot(multishot));
                waker.into_iter().for_each(Waker::wake);
            }
            // This frees its buffer and closes its descriptor.
            Some(Life::Cancelled) | Some(Life::Completed(_)) | None => self.free.push(id),
        }
    }

    /// Multishot operations that have to be ended.
    pub(super) fn take_crowded(&mut self) -> Vec<OpId> {
        mem::take(&mut self.crowded)
    }
}

#[cfg(test)]
mod tests;
