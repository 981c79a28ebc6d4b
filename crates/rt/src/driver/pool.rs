//! Bounded pools of threads for blocking calls.
//!
//! A runtime has two: one for operations and its own short calls, and one for the closures of the program. A
//! closure may wait for a task, and the task for an operation. If both shared threads, closures could
//! occupy all of them, and no operation would ever end.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cutwater_sys::origin::Origin;
use cutwater_sys::ring::Op;

use super::perform::perform;
use super::remote::Remote;
use super::slots::OpId;

/// Threads for operations by default: enough to keep a disk busy, few enough that their
/// stacks and switches cost little.
pub(crate) const THREADS_DEFAULT: usize = 32;

/// Threads for closures by default: many, because a closure may wait for a task that waits for another closure.
pub(crate) const BLOCKING_THREADS_DEFAULT: usize = 512;

/// A thread that had no work for this long ends.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// Work that may block.
pub(crate) enum Job {
    /// An operation of a core.
    Op(OpId, Op, Arc<Remote>),
    /// A function.
    Call(Box<dyn FnOnce() + Send>),
}

/// The pools of a runtime. All its cores share them.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    /// For operations, and for calls of the runtime itself: they wait for nothing but the kernel.
    pub(crate) operations: Arc<Pool>,
    /// For closures of the program, which may wait for anything.
    pub(crate) closures: Arc<Pool>,
}

impl Pools {
    pub(crate) fn new(operation_threads: usize, closure_threads: usize) -> Self {
        Self {
            operations: Arc::new(Pool::new("cutwater-pool", operation_threads)),
            closures: Arc::new(Pool::new("cutwater-blocking", closure_threads)),
        }
    }
}

/// Threads, started as they are needed.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    name: &'static str,
    threads_max: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads_max", &self.threads_max).finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    origin: Origin,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn new(name: &'static str, threads_max: usize) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { state, work, origin: Origin::here() });
        Self { shared, name, threads_max: threads_max.max(1) }
    }

    /// Queues a job, and starts a thread where none is idle and the limit allows one more. Where
    /// not even the first thread can be started, does the job on the caller's thread.
    pub(crate) fn give(&self, job: Job) {
        let mut state = self.shared.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.threads_max {
            let shared = Arc::clone(&self.shared);
            let started =
                thread::Builder::new().name(self.name.into()).spawn(move || work(&shared));
            match started {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => {
                    let job = state.jobs.pop_back();
                    drop(state);
                    job.into_iter().for_each(do_job);
                    return;
                }
                Err(_) => {}
            }
        }
        drop(state);
        self.shared.work.notify_one();
    }
}

impl Drop for Pool {
    /// Threads end after their current job; jobs that have not started are dropped.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        let left = std::mem::take(&mut state.jobs);
        drop(state);
        self.shared.work.notify_all();
        drop(left);
    }
}

fn work(shared: &Shared) {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            do_job(job);
            // The job has forked. This is the only thread of the child, and has no work.
            if !shared.origin.is_here() {
                return;
            }
            state = shared.lock();
        } else if state.ended {
            return;
        } else {
            state.idle += 1;
            let waited = shared.work.wait_timeout(state, IDLE_MAX);
            let (back, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

fn do_job(job: Job) {
    match job {
        Job::Op(id, op, remote) => {
            remote.outcomes.push((id, perform(op)));
            remote.wake();
        }
        // A panic has printed its message and dropped the sender of the value. The thread goes on.
        Job::Call(call) => drop(catch_unwind(AssertUnwindSafe(call))),
    }
}
