//! A runtime: a core on the caller's thread, and the threads of the others.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use super::core::Core;
use super::cores::Cores;
use super::current::Entered;
use super::wake::RootWaker;
use super::worker::Worker;
use crate::driver::{Degraded, Path, Snapshot};

/// An executor that sleeps in the ring: for one thread, or several with a ring each.
///
/// Dropping it drops all tasks, cancels their operations, and waits for the kernel.
#[derive(Debug)]
pub struct Runtime {
    pub(super) core: Rc<Core>,
    workers: Vec<Worker>,
}

impl Runtime {
    pub(super) fn from_core(core: Core) -> Self {
        Self { core: Rc::new(core), workers: Vec::new() }
    }

    pub(super) fn add(&mut self, worker: Worker) {
        self.workers.push(worker);
    }

    /// Runs `future` to its end, and tasks that are spawned meanwhile.
    ///
    /// # Panics
    /// When it is called inside of a runtime.
    #[track_caller]
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let entered = Entered::new(&self.core);
        let root = RootWaker::new(self.core.id(), self.core.remote());
        let waker = Waker::from(Arc::clone(&root));
        let mut future = pin!(future);
        loop {
            if root.woken().swap(false, Ordering::AcqRel)
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                drop(entered);
                return value;
            }
            self.core.turn(root.woken());
        }
    }

    /// Its cores, for any thread.
    #[must_use]
    pub fn cores(&self) -> Cores {
        Cores::new(Arc::clone(self.core.all()))
    }

    /// Whether operations go through a ring. If not, [`Runtime::refused`] has the reason, unless the
    /// options asked for none.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.core.driver.borrow().has_ring()
    }

    /// Why the host refused a ring.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.core.driver.borrow().refused().map(ToString::to_string)
    }

    /// Holds operations on the ring or the pool; `None` releases them. Without a ring, operations stay
    /// on the pool.
    pub fn force_path(&self, path: Option<Path>) {
        self.core.driver.borrow_mut().force(path);
    }

    /// The path that operations take now, and why the ring was last left.
    #[must_use]
    pub fn path(&self) -> (Path, Option<Degraded>) {
        let driver = self.core.driver.borrow();
        (driver.path(), driver.why_degraded())
    }

    /// The counts of its first core.
    #[must_use]
    pub fn counters(&self) -> Snapshot {
        self.core.snapshot()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Other cores first: their tasks may still wake tasks of this one.
        self.workers.clear();
        self.core.remote().end();
        // Then the tasks, which cancel their operations. Some spawn others while they are dropped.
        let _entered = Entered::nested(&self.core);
        self.core.drop_tasks();
        // The ring goes away with the core, and waits until the kernel has let go of every buffer.
        // The pool's threads finish their current jobs.
    }
}
