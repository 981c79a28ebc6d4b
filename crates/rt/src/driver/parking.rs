//! How a core goes to sleep without missing what other threads have for it, and how it ends
//! without leaving anything behind.
//!
//! Both follow one pattern. Each side first writes (what it pushed; that it sleeps, or has ended), then
//! reads what the other side wrote. A fence lies between the two on both sides, so at least one side
//! sees the other. `tests/loom.rs` runs this file under every interleaving, with atomics of its own;
//! hence `super::atomics`.

use super::atomics::{AtomicBool, Ordering, fence};

/// Whether a core sleeps, and whether it is gone.
#[derive(Debug)]
pub(crate) struct Parking {
    /// The core waits, or is about to, and then has to be woken.
    sleeping: AtomicBool,
    /// The core is gone, and starts nothing any more.
    ended: AtomicBool,
}

impl Parking {
    pub(crate) fn new() -> Self {
        Self { sleeping: AtomicBool::new(false), ended: AtomicBool::new(false) }
    }

    /// Whether the core sleeps and has to be woken, after something was pushed. True for one caller only,
    /// who then wakes it.
    pub(crate) fn must_wake(&self) -> bool {
        // Ordered with the push before it: either we see it asleep, or it sees what was pushed.
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel)
    }

    /// Marks the core as asleep; false where it is not `idle`, which looks at everything that other
    /// threads push to.
    pub(crate) fn may_sleep(&self, idle: impl FnOnce() -> bool) -> bool {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let idle = idle();
        if !idle {
            self.awake();
        }
        idle
    }

    /// The core is awake, and looks at everything again by itself.
    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Whether the core is gone, so that what was pushed before this call is the caller's to drop.
    pub(crate) fn too_late(&self) -> bool {
        // Ordered with `end`: either `end` drops it, or we see that the core is gone.
        fence(Ordering::SeqCst);
        self.ended.load(Ordering::Acquire)
    }

    /// The core is gone. The caller drops what was pushed before.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }
}
