//! A runtime: a core on the caller's thread, and the threads of the others.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use rustix::io::Errno;

use super::core::Core;
use super::cores::Cores;
use super::current::Entered;
use super::wake::RootWaker;
use super::worker::Worker;
use crate::driver::{Degraded, Fake, Path, Snapshot};

/// An executor that sleeps in the ring: for one thread, or several with a ring each.
///
/// Dropping it drops all tasks, cancels their operations, and waits for the kernel. In a child made by
/// `fork(2)` dropping it does nothing, and using it is an error; see [`Runtime::try_block_on`].
#[derive(Debug)]
pub struct Runtime {
    pub(crate) core: Rc<Core>,
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
    /// When it is called inside of a runtime, and where [`Runtime::try_block_on`] has an error.
    #[track_caller]
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match self.try_block_on(future) {
            Ok(value) => value,
            Err(e) if e.raw_os_error() == Some(Errno::DEADLK.raw_os_error()) => {
                panic!("each task waits for what can never happen ({e})")
            }
            Err(e) => panic!(
                "this process was forked and waits for what only its parent has ({e}): build a \
                 Runtime in the child"
            ),
        }
    }

    /// As [`Runtime::block_on`], for processes that may have been forked since the runtime was built.
    ///
    /// In a forked child `future` is polled, and so are its timers. Operations end with `ECHILD`;
    /// tasks are not run, and their handles give [`crate::Aborted`].
    ///
    /// # Errors
    /// `ECHILD` in a forked child when `future` waits for anything else: nothing could end that
    /// wait. `EDEADLK` over [`crate::Backend::FakeFailing`] when the program is deadlocked.
    ///
    /// # Panics
    /// When it is called inside of a runtime.
    #[track_caller]
    pub fn try_block_on<T>(&self, future: impl Future<Output = T>) -> io::Result<T> {
        let entered = Entered::new(&self.core);
        let root = RootWaker::new(self.core.id(), self.core.remote());
        let waker = Waker::from(Arc::clone(&root));
        let mut future = pin!(future);
        let mut in_child = false;
        loop {
            if root.woken().swap(false, Ordering::AcqRel)
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                drop(entered);
                return Ok(value);
            }
            if !self.core.is_inherited() {
                self.core.turn(root.woken());
                if self.core.is_stuck() {
                    return Err(Errno::DEADLK.into());
                }
            } else if mem::replace(&mut in_child, true) {
                self.core.turn_in_child(root.woken())?;
            } else {
                // What it waits for may be an error here.
                self.core.forget_timers();
                root.woken().store(true, Ordering::Release);
            }
        }
    }

    /// Other threads give it work, so a simulated kernel cannot tell a wait for them from a deadlock.
    pub(crate) fn serves_others(&self) {
        if let Some(fake) = self.core.driver.borrow().fake() {
            fake.serves_others();
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

    /// Why the host refused a ring, at the start or later.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.core.driver.borrow().refused()
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

    /// A hash of how and when operations ended so far, over a simulated kernel. If two runs with
    /// one seed differ in it, the program does not depend on the seed alone.
    #[must_use]
    pub fn history(&self) -> Option<u64> {
        self.core.driver.borrow().fake().map(Fake::history)
    }

    /// The counts of its first core.
    #[must_use]
    pub fn counters(&self) -> Snapshot {
        self.core.snapshot()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.core.is_inherited() {
            // All of it is the parent's: threads, the ring, descriptors that are shared with it.
            mem::forget(mem::take(&mut self.workers));
            mem::forget(Rc::clone(&self.core));
            return;
        }
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
