//! A bounded pool of threads for blocking calls.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use cutwater_sys::ring::{Op, Outcome};
use rustix::io::Errno;

use super::perform::perform;
use super::remote::Remote;
use super::slots::OpId;

/// Threads of a pool by default: enough to keep a disk busy, few enough that their
/// stacks and switches cost little.
pub(crate) const THREADS_DEFAULT: usize = 32;

/// Work that may block.
pub(crate) enum Job {
    /// An operation of a core.
    Op(OpId, Op, Arc<Remote>),
    /// Operations of a core, one after the other.
    Chain(Vec<(OpId, Op)>, Arc<Remote>),
    /// A function.
    Call(Box<dyn FnOnce() + Send>),
}

/// Threads, started as they are needed.
pub(crate) struct Pool {
    shared: Arc<Shared>,
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
    pub(crate) fn new(threads_max: usize) -> Self {
        let shared = Shared { state: Mutex::default(), work: Condvar::new() };
        Self { shared: Arc::new(shared), threads_max: threads_max.max(1) }
    }

    /// Queues a job, and starts a thread where none is idle and the limit allows one more. Where
    /// not even the first thread can be started, does the job on the caller's thread.
    pub(crate) fn give(&self, job: Job) {
        let mut state = self.shared.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.threads_max {
            let shared = Arc::clone(&self.shared);
            let started =
                thread::Builder::new().name("cutwater-pool".into()).spawn(move || work(&shared));
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
            state = shared.lock();
        } else if state.ended {
            return;
        } else {
            state.idle += 1;
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

fn do_job(job: Job) {
    match job {
        Job::Op(id, op, remote) => {
            remote.outcomes.push((id, perform(op)));
            remote.wake();
        }
        Job::Chain(ops, remote) => {
            let mut broken = false;
            for (id, op) in ops {
                let outcome =
                    if broken { Outcome::plain(op, Err(Errno::CANCELED)) } else { perform(op) };
                broken |= !outcome.is_whole();
                remote.outcomes.push((id, outcome));
            }
            remote.wake();
        }
        Job::Call(call) => call(),
    }
}
