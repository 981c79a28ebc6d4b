//! Calls that may block, on threads of the pools.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::core::Core;
use crate::driver::pool::Job;

/// How long a simulated core waits for a closure that it has started on a thread.
const CLOSURE_WAIT: Duration = Duration::from_millis(50);

impl Core {
    /// Runs a closure of the program, which may wait for operations of this core.
    pub(super) fn call_blocking(&self, call: impl FnOnce() + Send + 'static) {
        let counted = self.driver.borrow().fake().map(|fake| Counted::new(fake.closures()));
        let Some(counted) = counted else {
            return self.pools.closures.give(Job::Call(Box::new(call)));
        };
        let (ended, end) = mpsc::channel::<()>();
        let call = move || {
            call();
            drop((counted, ended));
        };
        self.pools.closures.give(Job::Call(Box::new(call)));
        // Most closures end now, which keeps their time out of the history. Others wait for a task.
        let _ = end.recv_timeout(CLOSURE_WAIT);
    }

    /// Runs a call of this crate, which waits for nothing but the kernel.
    pub(super) fn call_short(&self, call: impl FnOnce() + Send + 'static) {
        // On a thread it would end outside of the simulated history.
        if self.is_simulated {
            return call();
        }
        self.pools.operations.give(Job::Call(Box::new(call)));
    }
}

/// A closure that runs on another thread, for a simulated clock to wait for.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(running))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
