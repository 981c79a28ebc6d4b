//! The way without a ring: `epoll(7)` for sockets, the pool of threads for everything else.

use std::sync::Arc;

use cutwater_sys::ring::Op;

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
    pooled: u64,
    readied: u64,
}

impl Cold {
    pub(super) fn new(pool: Arc<Pool>, readiness: Readiness, remote: Arc<Remote>) -> Self {
        Self { pool, readiness, remote, pooled: 0, readied: 0 }
    }

    pub(super) fn submit(&mut self, id: OpId, op: Op, slots: &mut Slots) {
        if sockets::waits_for(&op).is_some() {
            self.readied += 1;
            self.readiness.push(id, op);
            return slots.submitted(id, Holder::Readiness);
        }
        self.pooled += 1;
        self.pool.give(Job::Op(id, op, Arc::clone(&self.remote)));
        slots.submitted(id, Holder::Pool);
    }

    pub(super) fn submit_linked(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        self.pooled += ops.len() as u64;
        let chain = ids.iter().copied().zip(ops).collect();
        self.pool.give(Job::Chain(chain, Arc::clone(&self.remote)));
        ids.iter().for_each(|id| slots.submitted(*id, Holder::Pool));
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
            slots.complete(id, outcome);
        }
    }

    pub(super) fn count(&self, taken: &mut Snapshot) {
        (taken.pooled, taken.readied) = (self.pooled, self.readied);
    }
}
