//! Operations without a ring: `epoll(7)` for sockets and other streams, the pool of threads for
//! everything else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use cutwater_sys::ring::{Op, Outcome};
use rustix::io::Errno;

use super::counters::Snapshot;
use super::pool::{Job, Pool};
use super::readiness::Readiness;
use super::remote::Remote;
use super::slots::{Holder, OpId, Slots};
use super::sockets;

/// What carries operations out without a ring.
#[derive(Debug)]
pub(super) struct Cold {
    pool: Arc<Pool>,
    pub(super) readiness: Readiness,
    /// Where the pool leaves its outcomes.
    remote: Arc<Remote>,
    /// The rest of each chain, by the operation that was begun.
    chains: HashMap<OpId, VecDeque<(OpId, Op)>>,
    pooled: u64,
    readied: u64,
}

impl Cold {
    pub(super) fn new(pool: Arc<Pool>, readiness: Readiness, remote: Arc<Remote>) -> Self {
        Self { pool, readiness, remote, chains: HashMap::new(), pooled: 0, readied: 0 }
    }

    pub(super) fn submit(&mut self, id: OpId, op: Op, slots: &mut Slots) {
        let holder = self.take(id, op);
        slots.submitted(id, holder);
    }

    /// Takes over an operation; returns its holder.
    pub(super) fn take(&mut self, id: OpId, op: Op) -> Holder {
        if sockets::is_on_stream(&op) {
            self.readied += 1;
            self.readiness.push(id, op);
            return Holder::Readiness;
        }
        self.pooled += 1;
        self.pool.give(Job::Op(id, op, Arc::clone(&self.remote)));
        Holder::Pool
    }

    pub(super) fn submit_linked(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        ids.iter().for_each(|id| slots.submitted(*id, Holder::Later));
        self.begin(ids.iter().copied().zip(ops).collect(), slots);
    }

    /// Begins the first operation of a chain. The others wait here, not on a thread: a peer may
    /// delay each for any time.
    fn begin(&mut self, mut chain: VecDeque<(OpId, Op)>, slots: &mut Slots) {
        let Some((id, op)) = chain.pop_front() else { return };
        let holder = self.take(id, op);
        slots.moved(id, holder);
        if !chain.is_empty() {
            self.chains.insert(id, chain);
        }
    }

    /// Completes an operation. In a chain, begins the next one or cancels the rest.
    pub(super) fn end(&mut self, id: OpId, outcome: Outcome, slots: &mut Slots) {
        let chain = self.chains.remove(&id);
        let goes_on = outcome.is_whole();
        slots.complete(id, outcome);
        let Some(chain) = chain else { return };
        // The next one may have been cancelled.
        if goes_on && chain.front().is_some_and(|(id, _)| slots.holder(*id).is_some()) {
            return self.begin(chain, slots);
        }
        for (id, op) in chain {
            slots.complete(id, Outcome::plain(op, Err(Errno::CANCELED)));
        }
    }

    /// The core no longer has a ring.
    pub(super) fn forget_ring(&self) {
        self.remote.forget_ring();
    }

    pub(super) fn cancel(&mut self, id: OpId, holder: Holder) {
        // A blocking call cannot be cancelled.
        if holder == Holder::Readiness {
            self.readiness.cancel(id);
        }
    }

    /// Delivers the outcomes of operations on sockets; the pool's lie in the core's [`Remote`].
    pub(super) fn deliver(&mut self, slots: &mut Slots) {
        while let Some((id, outcome)) = self.readiness.pop_ended() {
            self.end(id, outcome, slots);
        }
    }

    pub(super) fn count(&self, taken: &mut Snapshot) {
        (taken.pooled, taken.readied) = (self.pooled, self.readied);
    }
}
