//! What other threads may do to a core: give it tasks and outcomes, and wake it.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_queue::SegQueue;
use cutwater_sys::ring::Outcome;
use rustix::event::EventfdFlags;

use super::parking::Parking;
use super::{Counters, LifeKey};

/// Something to be begun on a core.
pub(crate) struct Call(pub(crate) Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

/// The side of a core that other threads see. What they write lies on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Remote {
    /// Tasks to be polled.
    pub(crate) tasks: SegQueue<u64>,
    /// What other cores have this one begin.
    calls: SegQueue<Call>,
    /// What a pool has done.
    pub(crate) outcomes: SegQueue<(LifeKey, Outcome)>,
    /// Tells the core where it waits, from threads that have no ring.
    pub(crate) event: OwnedFd,
    /// The core's ring, for messages from other rings.
    pub(crate) ring: Option<Arc<OwnedFd>>,
    /// Whether the core sleeps and has to be told, and whether it is gone.
    parking: Parking,
    /// Times at which it was told.
    pub(crate) told: AtomicU64,
    /// Whether anybody wants to know what the core did.
    pub(crate) watched: AtomicBool,
    /// What it did, as it said last.
    pub(crate) published: Mutex<Option<Counters>>,
}

impl Remote {
    pub(crate) fn new(ring: Option<Arc<OwnedFd>>) -> std::io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            tasks: SegQueue::new(),
            calls: SegQueue::new(),
            outcomes: SegQueue::new(),
            event,
            ring,
            parking: Parking::new(),
            told: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            published: Mutex::new(None),
        })
    }

    /// Has the core begin something; where it is gone, drops it. The core has to be told.
    pub(crate) fn give(&self, call: Call) {
        self.calls.push(call);
        if self.parking.too_late() {
            while self.calls.pop().is_some() {}
        }
    }

    pub(crate) fn next_call(&self) -> Option<Call> {
        self.calls.pop()
    }

    /// The core is gone: drops what it has not begun, now and from now on.
    pub(crate) fn end(&self) {
        self.parking.end();
        while self.calls.pop().is_some() {}
    }

    /// Whether the core sleeps and has to be told of what was pushed; true for one caller only,
    /// who then tells it.
    pub(crate) fn must_tell(&self) -> bool {
        let tell = self.parking.must_tell();
        if tell {
            self.told.fetch_add(1, Ordering::Relaxed);
        }
        tell
    }

    /// Wakes the core, where it sleeps.
    pub(crate) fn notify(&self) {
        if self.must_tell() {
            self.write_event();
        }
    }

    /// Ends the core's wait, by a call.
    pub(crate) fn write_event(&self) {
        // It fails only where the counter is full, which takes 2^64 wakes.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// Says that the core is about to sleep; false where there is something to do first.
    pub(crate) fn may_sleep(&self) -> bool {
        self.parking.may_sleep(|| {
            self.tasks.is_empty() && self.outcomes.is_empty() && self.calls.is_empty()
        })
    }

    pub(crate) fn awake(&self) {
        self.parking.awake();
    }
}
