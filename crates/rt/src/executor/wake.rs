//! Wakes: of a task through the run queue of this thread, or of another core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::current::with_current;
use super::tasks::{NO_TASK, TaskWaker};
use crate::driver::remote::Remote;

/// Wakes another core, where it sleeps: by a message to its ring, or, from a thread without a ring, by
/// its event. Either has left when this returns, because the caller may block its thread next and
/// wait there for the core that it woke.
pub(super) fn wake_core(remote: &Arc<Remote>) {
    if !remote.must_wake() {
        return;
    }
    let arrived = with_current(|core| {
        // Already borrowed where a completion wakes: the ring is in use then.
        Some(core.driver.try_borrow_mut().ok()?.wake(remote))
    });
    if arrived != Some(true) {
        remote.write_event();
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.set_queued() {
            return;
        }
        let local = with_current(|core| (core.id() == self.core).then(|| core.wake(self.id)));
        if local.is_none() && !self.remote.is_inherited() {
            self.remote.tasks.push(self.id);
            wake_core(&self.remote);
        }
    }
}

/// Wakes the future that `block_on` runs.
pub(super) struct RootWaker {
    woken: AtomicBool,
    remote: Arc<Remote>,
    core: u64,
}

impl RootWaker {
    /// Woken at the start, for the first poll.
    pub(super) fn new(core: u64, remote: &Arc<Remote>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), remote: Arc::clone(remote), core })
    }

    pub(super) fn woken(&self) -> &AtomicBool {
        &self.woken
    }
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let local = with_current(|core| (core.id() == self.core).then_some(()));
        if local.is_none() && !self.remote.is_inherited() {
            // It only ends the wait.
            self.remote.tasks.push(NO_TASK);
            wake_core(&self.remote);
        }
    }
}
