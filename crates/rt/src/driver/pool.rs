//! A bounded pool of threads for what blocks.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use cutwater_sys::ring::{Op, Outcome};
use rustix::io::Errno;

use super::LifeKey;
use super::remote::Remote;
use crate::perform::perform;

/// Threads of a pool unless said otherwise: enough to keep a disk busy, few enough that their
/// stacks and switches cost little.
pub(crate) const THREADS_DEFAULT: usize = 32;

/// Something to be done where blocking is no harm.
pub(crate) enum Job {
    /// An operation of a core.
    Op(LifeKey, Op, Arc<Remote>),
    /// Operations of a core, each after the one before it.
    Chain(Vec<(LifeKey, Op)>, Arc<Remote>),
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

    /// Hands a job over; starts a thread where none is idle and there may be one more. Where
    /// not even the first can be started, the job is done here and now.
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
                    job.into_iter().for_each(run);
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
    /// Threads end after what they are at; what nobody has begun is dropped.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        let unbegun = std::mem::take(&mut state.jobs);
        drop(state);
        self.shared.work.notify_all();
        drop(unbegun);
    }
}

fn work(shared: &Shared) {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            run(job);
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

fn run(job: Job) {
    match job {
        Job::Op(key, op, remote) => {
            remote.outcomes.push((key, perform(op)));
            remote.notify();
        }
        Job::Chain(ops, remote) => {
            let mut broken = false;
            for (key, op) in ops {
                let outcome =
                    if broken { Outcome::plain(op, Err(Errno::CANCELED)) } else { perform(op) };
                broken |= !outcome.is_whole();
                remote.outcomes.push((key, outcome));
            }
            remote.notify();
        }
        Job::Call(call) => call(),
    }
}
