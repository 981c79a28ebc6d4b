//! The executor of one thread: a run queue, timers, and the driver in which it parks.

mod cores;
mod delays;
mod handle;
mod task;
mod timers;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use cutwater_sys::ring::Op;

use crate::driver::pool::{self, Job, Pool};
use crate::driver::remote::Remote;
use crate::driver::{Backend, Counters, Degraded, Driver, Linked, Operation, Operations, Path};
pub use cores::{Cores, RemoteHandle};
use cores::{Remotes, Worker};
pub(crate) use delays::CLASSES;
use delays::Delays;
pub use handle::{Aborted, JoinHandle};
use task::{TaskWaker, Tasks};
pub(crate) use timers::TimerKey;
use timers::Timers;

/// Tasks polled before completions are looked at again, so that busy tasks cannot starve them.
const BUDGET: usize = 64;

/// Turns after which a core that never sleeps says what it did.
const PUBLISH_TURNS: u32 = 256;

/// Operations of a core in flight at most, unless said otherwise.
const IN_FLIGHT_DEFAULT: usize = 4096;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

static NEXT_CORE: AtomicU64 = AtomicU64::new(1);

/// All that belongs to one executor.
#[derive(Debug)]
pub(crate) struct Core {
    id: u64,
    pub(crate) driver: RefCell<Driver>,
    tasks: RefCell<Tasks>,
    ready: RefCell<VecDeque<u64>>,
    pub(crate) timers: RefCell<Timers>,
    pool: Arc<Pool>,
    remote: Arc<Remote>,
    started: Instant,
    /// Whether reads may be answered from the page cache: a fake kernel has none.
    has_page_cache: bool,
    inline: Cell<u64>,
    polls: Cell<u64>,
    wakes_local: Cell<u64>,
    wakes_remote: Cell<u64>,
    delays: Delays,
    turns: Cell<u32>,
    all: Remotes,
}

impl Core {
    /// The executor that runs on this thread.
    ///
    /// # Panics
    /// Where none does: what waits for it could never end. As with other runtimes, this is an error of the
    /// program, and not of its input.
    #[track_caller]
    pub(crate) fn current() -> Rc<Self> {
        let current = CURRENT.with(|current| current.borrow().clone());
        match current {
            Some(core) => core,
            None => panic!(
                "no cutwater_rt::Runtime runs on this thread: call this inside of Runtime::block_on"
            ),
        }
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The executor of this thread, if it has this number.
    #[cfg(feature = "hyper")]
    pub(crate) fn with_id(id: u64) -> Option<Rc<Self>> {
        let current = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
        current.filter(|core| core.id == id)
    }

    /// Runs `read`, which answers from the page cache where it can, and counts its answers.
    pub(crate) fn inline(read: impl FnOnce() -> Option<usize>) -> Option<usize> {
        CURRENT.with(|current| {
            let current = current.borrow();
            let core = current.as_ref().filter(|core| core.has_page_cache)?;
            let answer = read()?;
            core.inline.set(core.inline.get() + 1);
            Some(answer)
        })
    }

    /// Time since the executor was made; virtual where the backend is fake.
    pub(crate) fn now(&self) -> Duration {
        self.driver.borrow().virtual_now().unwrap_or_else(|| self.started.elapsed())
    }

    fn wake(&self, id: u64) {
        self.wakes_local.set(self.wakes_local.get() + 1);
        self.queue(id);
    }

    fn queue(&self, id: u64) {
        self.delays.queued(id);
        self.ready.borrow_mut().push_back(id);
    }

    fn run_tasks(&self) {
        while let Some(id) = self.remote.tasks.pop() {
            self.wakes_remote.set(self.wakes_remote.get() + 1);
            self.queue(id);
        }
        while let Some(call) = self.remote.next_call() {
            (call.0)();
        }
        for _ in 0..BUDGET {
            let Some(id) = self.ready.borrow_mut().pop_front() else { return };
            self.delays.begun(id);
            let Some((mut future, waker)) = self.tasks.borrow_mut().take(id) else { continue };
            waker.begin();
            self.polls.set(self.polls.get() + 1);
            let ended = future
                .as_mut()
                .poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker))))
                .is_ready();
            if ended {
                // Before the task's place is free: what it owns may spawn when it is dropped.
                drop(future);
                self.tasks.borrow_mut().remove(id);
            } else {
                let aborted = self.tasks.borrow_mut().put_back(id, future);
                drop(aborted);
            }
        }
    }

    /// One turn of the loop; waits where there is nothing to do, and the root is not `woken`.
    fn turn(&self, woken: &AtomicBool) {
        self.run_tasks();
        self.fire_timers();
        // Asked last: what ran just now may have woken either.
        let idle = self.ready.borrow().is_empty() && !woken.load(Ordering::Acquire);
        let next = self.timers.borrow().next();
        let timeout = next.map(|at| at.saturating_sub(self.now()));
        self.publish(idle);
        self.driver.borrow_mut().turn(idle, timeout);
        self.fire_timers();
    }

    /// Says what this core did, where somebody wants to know.
    fn publish(&self, idle: bool) {
        if !self.remote.watched.load(Ordering::Relaxed) {
            return;
        }
        let turns = self.turns.get().wrapping_add(1);
        self.turns.set(turns);
        if idle || turns.is_multiple_of(PUBLISH_TURNS) {
            let counters = self.counters();
            *self.remote.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(counters);
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

    fn counters(&self) -> Counters {
        let mut counters = self.driver.borrow().counters();
        counters.inline = self.inline.get();
        counters.polls = self.polls.get();
        counters.wakes_local = self.wakes_local.get();
        counters.wakes_remote = self.wakes_remote.get();
        counters.delays = self.delays.classes();
        counters
    }

    pub(crate) fn spawn<T: 'static>(
        self: &Rc<Self>,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let (handle, shared) = handle::pair(Rc::downgrade(self));
        let wrapped = async move {
            let value = future.await;
            shared.finish(value);
        };
        let id = self.tasks.borrow_mut().add(Box::pin(wrapped), self.id, &self.remote);
        self.queue(id);
        handle.of(id)
    }

    /// Drops the task, unless it is being polled: then when that poll ends.
    pub(crate) fn abort(&self, id: u64) {
        let dropped = self.tasks.borrow_mut().abort(id);
        drop(dropped);
    }
}

/// Makes runtimes.
#[derive(Debug, Clone)]
pub struct Builder {
    backend: Backend,
    in_flight_max: usize,
    pool_threads: usize,
    cores: usize,
    pinned: bool,
    /// For tests: rings without messages between them.
    refuse_messages: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            backend: Backend::Auto,
            in_flight_max: IN_FLIGHT_DEFAULT,
            pool_threads: pool::THREADS_DEFAULT,
            cores: 1,
            pinned: false,
            refuse_messages: false,
        }
    }
}

impl Builder {
    /// What carries operations out; the ring where there is one, unless said otherwise.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Operations in flight at most, 4,096 unless said otherwise; more wait for their turn.
    #[must_use]
    pub fn in_flight_max(mut self, operations: usize) -> Self {
        self.in_flight_max = operations;
        self
    }

    /// Threads of the pool at most, 32 unless said otherwise; they are started as needed.
    #[must_use]
    pub fn pool_threads(mut self, threads: usize) -> Self {
        self.pool_threads = threads;
        self
    }

    /// Cores, 1 unless said otherwise: the thread that calls [`Runtime::block_on`] is the first,
    /// and each other has a thread. Tasks stay on the core on which they were begun
    /// ([`spawn`], [`spawn_on`]).
    #[must_use]
    pub fn cores(mut self, cores: usize) -> Self {
        self.cores = cores.max(1);
        self
    }

    /// Keeps each core's thread on one CPU, that of the caller among them
    /// (`sched_setaffinity(2)`).
    #[must_use]
    pub fn pinned(mut self, yes: bool) -> Self {
        self.pinned = yes;
        self
    }

    /// Makes the runtime, for the thread that calls this.
    ///
    /// # Errors
    /// Where a ring was demanded and is refused, there are no descriptors or threads left, or a
    /// thread cannot be kept on its CPU.
    pub fn build(&self) -> io::Result<Runtime> {
        let pool = Arc::new(Pool::new(self.pool_threads));
        let all = Remotes::default();
        let mut runtime = self.build_core(0, Arc::clone(&pool), Arc::clone(&all))?;
        let mut remotes = vec![Arc::clone(&runtime.core.remote)];
        for number in 1..self.cores {
            let (pool, all) = (Arc::clone(&pool), Arc::clone(&all));
            let (worker, remote) = Worker::start(number, self.clone(), pool, all)?;
            runtime.workers.push(worker);
            remotes.push(remote);
        }
        let _ = all.set(remotes);
        // Last, as threads inherit where they may run.
        if self.pinned {
            cores::pin(0)?;
        }
        Ok(runtime)
    }

    /// The executor of one core, on the thread that calls this.
    fn build_core(&self, number: usize, pool: Arc<Pool>, all: Remotes) -> io::Result<Runtime> {
        if self.pinned && number > 0 {
            cores::pin(number)?;
        }
        let (in_flight_max, refuse_messages) = (self.in_flight_max, self.refuse_messages);
        let driver = Driver::new(self.backend, Arc::clone(&pool), in_flight_max, refuse_messages)?;
        let remote = Arc::clone(&driver.remote);
        let core = Core {
            id: NEXT_CORE.fetch_add(1, Ordering::Relaxed),
            driver: RefCell::new(driver),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            pool,
            remote,
            started: Instant::now(),
            has_page_cache: !matches!(self.backend, Backend::Fake(_)),
            inline: Cell::new(0),
            polls: Cell::new(0),
            wakes_local: Cell::new(0),
            wakes_remote: Cell::new(0),
            delays: Delays::default(),
            turns: Cell::new(0),
            all,
        };
        Ok(Runtime { core: Rc::new(core), workers: Vec::new() })
    }
}

/// An executor that parks in the ring: for one thread, or several that each have their own.
///
/// When it is dropped, all tasks are dropped, their operations cancelled, and the kernel waited for.
#[derive(Debug)]
pub struct Runtime {
    core: Rc<Core>,
    workers: Vec<Worker>,
}

impl Runtime {
    /// With a ring, or a pool where the host refuses one.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        Builder::default().build()
    }

    /// Options.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs `future` to its end, and tasks that were spawned meanwhile.
    ///
    /// # Panics
    /// When it is called inside of a runtime.
    #[track_caller]
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let entered = Entered::new(&self.core);
        let root = Arc::new(Root {
            woken: AtomicBool::new(true),
            remote: Arc::clone(&self.core.remote),
            core: self.core.id,
        });
        let waker = Waker::from(Arc::clone(&root));
        let mut future = pin!(future);
        loop {
            if root.woken.swap(false, Ordering::AcqRel)
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                drop(entered);
                return value;
            }
            self.core.turn(&root.woken);
        }
    }

    /// Its cores, for any thread.
    #[must_use]
    pub fn cores(&self) -> Cores {
        Cores(Arc::clone(&self.core.all))
    }

    /// Whether operations go through a ring; if not, [`Runtime::refused`] says why, unless it
    /// was asked for.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.core.driver.borrow().has_ring()
    }

    /// Why the host refused a ring.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.core.driver.borrow().refused.as_ref().map(ToString::to_string)
    }

    /// Holds operations on the ring or the pool; `None` lets go of them.
    pub fn force_path(&self, path: Option<Path>) {
        self.core.driver.borrow_mut().force(path);
    }

    /// Which way operations go now, and why the ring was last left.
    #[must_use]
    pub fn path(&self) -> (Path, Option<Degraded>) {
        let driver = self.core.driver.borrow();
        (driver.path(), driver.why_degraded())
    }

    /// What it did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.core.counters()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Other cores first: what they run may still wake tasks of this one.
        self.workers.clear();
        self.core.remote.end();
        // Tasks first, as they cancel what they wait for; some spawn others on their way out.
        let _entered = Entered::again(&self.core);
        loop {
            let tasks = self.core.tasks.borrow_mut().take_all();
            if tasks.is_empty() {
                break;
            }
            drop(tasks);
        }
        // Their operations are cancelled by now; the ring, which goes away with the core, waits
        // until the kernel has let go of every buffer. What a pool is at, it ends by itself.
    }
}

/// While it lives, this thread's executor is the one given.
struct Entered(Option<Rc<Core>>);

impl Entered {
    #[track_caller]
    fn new(core: &Rc<Core>) -> Self {
        let inside = CURRENT.with(|current| current.borrow().is_some());
        assert!(!inside, "block_on inside of a runtime would never end: await, or spawn");
        Self::again(core)
    }

    fn again(core: &Rc<Core>) -> Self {
        Self(CURRENT.with(|current| current.borrow_mut().replace(Rc::clone(core))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        // A thread that is ending has no executor any more.
        let _ = CURRENT.try_with(|current| *current.borrow_mut() = before);
    }
}

/// Wakes the future that `block_on` runs.
struct Root {
    woken: AtomicBool,
    remote: Arc<Remote>,
    core: u64,
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        if !is_current(self.core) {
            // A number that no task has: it only ends the wait.
            self.remote.tasks.push(u64::MAX);
            tell(&self.remote);
        }
    }
}

/// Whether the executor `core` runs on this thread.
fn is_current(core: u64) -> bool {
    let same = |current: &RefCell<Option<Rc<Core>>>| {
        current.try_borrow().is_ok_and(|c| c.as_ref().is_some_and(|c| c.id == core))
    };
    CURRENT.try_with(same).unwrap_or(false)
}

impl TaskWaker {
    fn wake_now(&self) {
        let local = CURRENT.try_with(|current| {
            let current = current.try_borrow().ok()?;
            let core = current.as_ref().filter(|c| c.id == self.core)?;
            core.wake(self.id);
            Some(())
        });
        if !matches!(local, Ok(Some(()))) {
            self.remote.tasks.push(self.id);
            tell(&self.remote);
        }
    }
}

/// Wakes another core, where it sleeps: by a message to its ring, or, from a thread without a ring,
/// by its event. Either has left when this returns: whoever wakes may block its thread next, and
/// wait there for the one that it woke.
fn tell(remote: &Arc<Remote>) {
    if !remote.must_tell() {
        return;
    }
    let told = CURRENT.try_with(|current| {
        let current = current.try_borrow().ok()?;
        // Held where a completion wakes: the ring is in use then.
        let mut driver = current.as_ref()?.driver.try_borrow_mut().ok()?;
        Some(driver.tell(remote))
    });
    if !matches!(told, Ok(Some(true))) {
        remote.write_event();
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.set_queued() {
            self.wake_now();
        }
    }
}

/// Runs `future` beside the caller, on the same thread.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    Core::current().spawn(future)
}

/// Runs the future that `make` makes on core `number` of this runtime; it need not be `Send`.
///
/// # Errors
/// `InvalidInput` where there is no such core.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_on<T: Send + 'static, F: Future<Output = T> + 'static>(
    number: usize,
    make: impl FnOnce() -> F + Send + 'static,
) -> io::Result<RemoteHandle<T>> {
    Cores(Arc::clone(&Core::current().all)).spawn_on(number, make)
}

/// Runs `call`, which may block, on a thread of the pool.
///
/// # Errors
/// When it panicked.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Aborted>> {
    let core = Core::current();
    let (sender, receiver) = handle::blocking();
    core.pool.give(Job::Call(Box::new(move || sender.send(call()))));
    receiver
}

/// Lets other tasks run.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// An operation of your own on this thread's executor.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn operation(op: Op) -> Operation {
    Operation::new(Core::current(), op)
}

/// Operations of your own that are done one after the other, 16 at most; a short read or write, or
/// an error, ends the chain, and those after it have `ECANCELED`.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn linked(ops: Vec<Op>) -> Linked {
    Linked::new(Core::current(), ops)
}

/// An operation that goes on, of your own, on this thread's executor. There must be a ring.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn operations(op: Op) -> Operations {
    Operations::new(Core::current(), op)
}

/// What this thread's executor did so far.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
#[must_use]
pub fn counters() -> Counters {
    Core::current().counters()
}

/// A task's future.
type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;
