//! What other threads may do to a core: give it tasks and outcomes, and wake it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::SegQueue;
use cutwater_sys::ring::Outcome;
use rustix::event::EventfdFlags;

use super::LifeKey;

/// The side of a core that other threads see.
#[derive(Debug)]
pub(crate) struct Remote {
    /// Tasks to be polled.
    pub(crate) tasks: SegQueue<u64>,
    /// What a pool has done.
    pub(crate) outcomes: SegQueue<(LifeKey, Outcome)>,
    pub(crate) event: Arc<OwnedFd>,
    /// Whether the core waits, or is about to: it then has to be told.
    sleeping: AtomicBool,
    /// Times at which it was told.
    pub(crate) told: AtomicU64,
}

impl Remote {
    pub(crate) fn new() -> std::io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            tasks: SegQueue::new(),
            outcomes: SegQueue::new(),
            event: Arc::new(event),
            sleeping: AtomicBool::new(false),
            told: AtomicU64::new(0),
        })
    }

    /// Wakes the core, where it sleeps.
    pub(crate) fn notify(&self) {
        // Ordered with the push before it: either we see it asleep, or it sees what was pushed.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            self.told.fetch_add(1, Ordering::Relaxed);
            // It fails only where the counter is full, and then the core is awake.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// Says that the core is about to sleep; false where there is something to do first.
    pub(crate) fn may_sleep(&self) -> bool {
        self.sleeping.store(true, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::SeqCst);
        let idle = self.tasks.is_empty() && self.outcomes.is_empty();
        if !idle {
            self.awake();
        }
        idle
    }

    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Takes the event back, so that it can be waited for again.
    pub(crate) fn clear(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.event, &mut count);
    }
}
