//! The part of a core that other threads use: they give it tasks, calls and outcomes, and wake it.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_queue::SegQueue;
use cutwater_sys::origin::Origin;
use cutwater_sys::ring::Outcome;
use rustix::event::EventfdFlags;

use super::counters::Snapshot;
use super::parking::Parking;
use super::slots::OpId;

/// A function to be called on a core.
pub(crate) struct Call(pub(crate) Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

/// The part of a core that other threads use. It has cache lines of its own, as they write to it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Remote {
    /// Tasks to be polled.
    pub(crate) tasks: SegQueue<u64>,
    /// Functions from other threads, to be called on this core.
    calls: SegQueue<Call>,
    /// Outcomes of the pool.
    pub(crate) outcomes: SegQueue<(OpId, Outcome)>,
    /// Ends the core's sleep, from threads that have no ring.
    pub(crate) event: OwnedFd,
    /// The core's ring, for messages from other rings.
    ring: Mutex<Option<Arc<OwnedFd>>>,
    /// The process that the core belongs to. A forked child uses nothing of this: a thread that it
    /// lacks may be in the middle of a push, and a wake would wake the parent's core.
    origin: Origin,
    /// Whether the core sleeps and has to be woken, and whether it is gone.
    parking: Parking,
    /// Times another thread ended its sleep.
    unparks: AtomicU64,
    /// Whether the core is to publish its counts.
    watched: AtomicBool,
    /// Its counts, as it published them last.
    published: Mutex<Option<Snapshot>>,
}

impl Remote {
    pub(crate) fn new(ring: Option<Arc<OwnedFd>>) -> std::io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            tasks: SegQueue::new(),
            calls: SegQueue::new(),
            outcomes: SegQueue::new(),
            event,
            ring: Mutex::new(ring),
            origin: Origin::here(),
            parking: Parking::new(),
            unparks: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            published: Mutex::new(None),
        })
    }

    /// The core's ring, for a message from another ring.
    pub(crate) fn ring(&self) -> Option<Arc<OwnedFd>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The core has left its ring for good; its event wakes it from now on. A message in flight may
    /// be lost: what it announces was pushed before.
    pub(crate) fn forget_ring(&self) {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether this process inherited it by `fork(2)`.
    pub(crate) fn is_inherited(&self) -> bool {
        !self.origin.is_here()
    }

    /// Queues a call for the core, or drops it where the core is gone. The caller then wakes the core.
    pub(crate) fn give(&self, call: Call) {
        if self.is_inherited() {
            return;
        }
        self.calls.push(call);
        if self.parking.too_late() {
            while self.calls.pop().is_some() {}
        }
    }

    pub(crate) fn next_call(&self) -> Option<Call> {
        self.calls.pop()
    }

    /// The core is gone: drops calls that have not started, now and from now on.
    pub(crate) fn end(&self) {
        self.parking.end();
        while self.calls.pop().is_some() {}
    }

    /// Whether the core sleeps and has to be woken, after something was pushed. True for one caller only,
    /// who then wakes it.
    pub(crate) fn must_wake(&self) -> bool {
        let must = !self.is_inherited() && self.parking.must_wake();
        if must {
            self.unparks.fetch_add(1, Ordering::Relaxed);
        }
        must
    }

    /// Times another thread ended the core's sleep.
    pub(crate) fn unparks(&self) -> u64 {
        self.unparks.load(Ordering::Relaxed)
    }

    /// Wakes the core, where it sleeps.
    pub(crate) fn wake(&self) {
        if self.must_wake() {
            self.write_event();
        }
    }

    /// Ends the core's sleep by a system call.
    pub(crate) fn write_event(&self) {
        // It fails only where the counter is full, which takes 2^64 wakes.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// Marks the core as asleep; false where there is something to do first.
    pub(crate) fn may_sleep(&self) -> bool {
        self.parking.may_sleep(|| {
            self.tasks.is_empty() && self.outcomes.is_empty() && self.calls.is_empty()
        })
    }

    pub(crate) fn awake(&self) {
        self.parking.awake();
    }

    /// Has the core publish its counts from now on.
    #[cfg(feature = "metrics")]
    pub(crate) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    /// The counts that the core published last.
    #[cfg(feature = "metrics")]
    pub(crate) fn published(&self) -> Option<Snapshot> {
        if self.is_inherited() {
            return None;
        }
        *self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
