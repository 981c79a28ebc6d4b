//! How a core goes to sleep without missing what other threads have for it, and how it ends
//! without leaving anything behind.
//!
//! Both are the same pattern. Each side first says something (what it pushed; that it sleeps, or has
//! ended), then looks at what the other side says, and a fence lies between the two on both
//! sides: so at least one of them sees the other. `tests/loom.rs` runs this file under every
//! interleaving, with atomics of its own; hence `super::atomics`.

use super::atomics::{AtomicBool, Ordering, fence};

/// Whether a core sleeps, and whether it is gone.
#[derive(Debug)]
pub(crate) struct Parking {
    /// The core waits, or is about to: it then has to be told.
    sleeping: AtomicBool,
    /// The core is gone, and begins nothing any more.
    ended: AtomicBool,
}

impl Parking {
    pub(crate) fn new() -> Self {
        Self { sleeping: AtomicBool::new(false), ended: AtomicBool::new(false) }
    }

    /// Whether the core sleeps and has to be told of what was pushed before this call; true for
    /// one caller only, who then tells it.
    pub(crate) fn must_tell(&self) -> bool {
        // Ordered with the push before it: either we see it asleep, or it sees what was pushed.
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel)
    }

    /// Says that the core is about to sleep; false where it is not `idle`, which looks at all
    /// that other threads push to.
    pub(crate) fn may_sleep(&self, idle: impl FnOnce() -> bool) -> bool {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let idle = idle();
        if !idle {
            self.awake();
        }
        idle
    }

    /// The core looks at everything again by itself.
    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Whether what was pushed before this call came too late, and is the caller's to drop.
    pub(crate) fn too_late(&self) -> bool {
        // Ordered with `end`: either that drops it, or we see that it is over.
        fence(Ordering::SeqCst);
        self.ended.load(Ordering::Acquire)
    }

    /// The core is gone. What was pushed before is then the caller's to drop.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }
}
