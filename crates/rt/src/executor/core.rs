//! One core: its tasks, run queue, timers and driver, and the loop over them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use cutwater_sys::origin::Origin;
use rustix::io::Errno;

use super::delays::Delays;
use super::tasks::{BoxedTask, Tasks};
use super::timers::Timers;
use crate::driver::pool::Pools;
use crate::driver::remote::Remote;
use crate::driver::{Backend, Driver, Fake, Limits, Snapshot};

/// Tasks polled before completions are looked at again, so that busy tasks cannot starve them.
const BUDGET: usize = 64;

/// Turns after which a core that never sleeps publishes its counts.
const PUBLISH_TURNS: u32 = 256;

static NEXT_CORE: AtomicU64 = AtomicU64::new(1);

/// The parts of a runtime's cores that other threads use, once all cores have started.
pub(super) type Remotes = Arc<OnceLock<Vec<Arc<Remote>>>>;

/// Everything of one core.
#[derive(Debug)]
pub(crate) struct Core {
    id: u64,
    pub(crate) driver: RefCell<Driver>,
    tasks: RefCell<Tasks>,
    ready: RefCell<VecDeque<u64>>,
    pub(crate) timers: RefCell<Timers>,
    pub(super) pools: Pools,
    /// The process that the core belongs to.
    origin: Origin,
    remote: Arc<Remote>,
    started: Instant,
    /// Whether the kernel is simulated. It has no page cache.
    pub(super) is_simulated: bool,
    counters: Counters,
    delays: Delays,
    turns: Cell<u32>,
    all: Remotes,
}

/// Live counts besides those of the driver. Cells will do, as only the core's thread counts.
#[derive(Debug, Default)]
struct Counters {
    inline: Cell<u64>,
    polls: Cell<u64>,
    wakes_local: Cell<u64>,
    wakes_remote: Cell<u64>,
}

fn add_one(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Core {
    pub(super) fn new(
        backend: Backend,
        limits: &Limits,
        pools: Pools,
        all: Remotes,
    ) -> io::Result<Self> {
        let driver = Driver::new(backend, limits, Arc::clone(&pools.operations))?;
        let remote = Arc::clone(driver.remote());
        Ok(Self {
            id: NEXT_CORE.fetch_add(1, Ordering::Relaxed),
            driver: RefCell::new(driver),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            pools,
            origin: Origin::here(),
            remote,
            started: Instant::now(),
            is_simulated: backend.simulated().is_some(),
            counters: Counters::default(),
            delays: Delays::default(),
            turns: Cell::new(0),
            all,
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether this process inherited the core by `fork(2)`. All of it is then the parent's.
    pub(crate) fn is_inherited(&self) -> bool {
        !self.origin.is_here()
    }

    pub(super) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// All cores of the runtime.
    pub(super) fn all(&self) -> &Remotes {
        &self.all
    }

    /// Time since the core was made; virtual where the backend is fake.
    pub(crate) fn now(&self) -> Duration {
        let known = if self.is_inherited() { None } else { self.driver.borrow().virtual_now() };
        known.unwrap_or_else(|| self.started.elapsed())
    }

    /// Runs `read`, which answers from the page cache where it can, and counts its answers.
    pub(super) fn answer_inline(&self, read: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if self.is_simulated || self.is_inherited() {
            return None;
        }
        let answer = read()?;
        add_one(&self.counters.inline);
        Some(answer)
    }

    /// Queues a task that this thread woke.
    pub(super) fn wake(&self, id: u64) {
        add_one(&self.counters.wakes_local);
        self.queue(id);
    }

    fn queue(&self, id: u64) {
        self.delays.queued(id);
        self.ready.borrow_mut().push_back(id);
    }

    /// Adds a task and queues it.
    pub(super) fn add(&self, task: BoxedTask) -> u64 {
        let id = self.tasks.borrow_mut().add(task, self.id, &self.remote);
        self.queue(id);
        id
    }

    /// Drops the task; one that is being polled is dropped when that poll ends.
    pub(crate) fn abort(&self, id: u64) {
        let dropped = self.tasks.borrow_mut().abort(id);
        drop(dropped);
    }

    /// Drops all tasks, also those that are spawned meanwhile.
    pub(super) fn drop_tasks(&self) {
        loop {
            let tasks = self.tasks.borrow_mut().take_all();
            if tasks.is_empty() {
                return;
            }
            drop(tasks);
        }
    }

    fn run_tasks(&self) {
        while let Some(id) = self.remote.tasks.pop() {
            add_one(&self.counters.wakes_remote);
            self.queue(id);
        }
        while let Some(call) = self.remote.next_call() {
            (call.0)();
        }
        for _ in 0..BUDGET {
            let Some(id) = self.ready.borrow_mut().pop_front() else { return };
            self.delays.polled(id);
            let Some((mut future, waker)) = self.tasks.borrow_mut().take(id) else { continue };
            waker.begin();
            add_one(&self.counters.polls);
            let ended = future
                .as_mut()
                .poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker))))
                .is_ready();
            if ended {
                // Dropped before its slot is free: what it owns may spawn in its own drop.
                drop(future);
                self.tasks.borrow_mut().remove(id);
            } else {
                let aborted = self.tasks.borrow_mut().put_back(id, future);
                drop(aborted);
            }
            // The task has forked, and this is the child: the other tasks are the parent's.
            if self.is_inherited() {
                return;
            }
        }
    }

    /// One turn of the loop. Waits where there is nothing to do and the root future is not `woken`.
    pub(super) fn turn(&self, woken: &AtomicBool) {
        self.run_tasks();
        if self.is_inherited() {
            return;
        }
        self.fire_timers();
        // Asked last: what ran just now may have woken either.
        let idle = self.ready.borrow().is_empty() && !woken.load(Ordering::Acquire);
        let next = self.timers.borrow().next();
        let timeout = next.map(|at| at.saturating_sub(self.now()));
        self.publish(idle);
        self.driver.borrow_mut().turn(idle, timeout);
        self.fire_timers();
    }

    /// Whether a simulated kernel finds the program deadlocked.
    pub(super) fn is_stuck(&self) -> bool {
        self.driver.borrow().fake().is_some_and(Fake::is_stuck)
    }

    /// The first turn in a forked child: forgets timers of the parent's tasks, which nobody polls here.
    pub(super) fn forget_timers(&self) {
        *self.timers.borrow_mut() = Timers::default();
    }

    /// One turn in a forked child, which has nothing of the core but its timers.
    ///
    /// # Errors
    /// `ECHILD` where there is nothing to wait for: the root future waits for something of the parent's.
    pub(super) fn turn_in_child(&self, woken: &AtomicBool) -> Result<(), Errno> {
        self.fire_timers();
        if woken.load(Ordering::Acquire) {
            return Ok(());
        }
        let next = self.timers.borrow().next().ok_or(Errno::CHILD)?;
        thread::sleep(next.saturating_sub(self.now()));
        Ok(())
    }

    /// Publishes the counts of this core, where somebody watches them.
    fn publish(&self, idle: bool) {
        if !self.remote.is_watched() {
            return;
        }
        let turns = self.turns.get().wrapping_add(1);
        self.turns.set(turns);
        if idle || turns.is_multiple_of(PUBLISH_TURNS) {
            self.remote.publish(self.snapshot());
        }
    }

    fn fire_timers(&self) {
        if self.timers.borrow().next().is_none() {
            return;
        }
        let now = self.now();
        loop {
            let due = self.timers.borrow_mut().pop_due(now);
            match due {
                Some(waker) => waker.wake(),
                None => return,
            }
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut taken = self.driver.borrow().snapshot();
        taken.inline = self.counters.inline.get();
        taken.polls = self.counters.polls.get();
        taken.wakes_local = self.counters.wakes_local.get();
        taken.wakes_remote = self.counters.wakes_remote.get();
        taken.delays = self.delays.classes();
        taken
    }
}
