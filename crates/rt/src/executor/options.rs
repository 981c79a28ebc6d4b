//! How to build a runtime.

use std::io;
use std::sync::Arc;

use super::core::{Core, Remotes};
use super::oneshot::Aborted;
use super::runtime::Runtime;
use super::worker::{Worker, pin};
use crate::driver::Backend;
use crate::driver::pool::{Pool, THREADS_DEFAULT};

/// Operations of a core in flight at most, by default.
const IN_FLIGHT_DEFAULT: usize = 4096;

/// How to build a [`Runtime`]; see [`Runtime::options`].
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    backend: Backend,
    in_flight_max: usize,
    pool_threads: usize,
    cores: usize,
    pinned: bool,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            backend: Backend::Auto,
            in_flight_max: IN_FLIGHT_DEFAULT,
            pool_threads: THREADS_DEFAULT,
            cores: 1,
            pinned: false,
        }
    }
}

impl Runtime {
    /// A runtime with a ring, or a pool where the host refuses one.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        Self::options().build()
    }

    /// Options, to be ended by [`RuntimeOptions::build`].
    #[must_use]
    pub fn options() -> RuntimeOptions {
        RuntimeOptions::default()
    }
}

impl RuntimeOptions {
    /// What carries operations out; by default the ring where there is one.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Operations in flight at most, 4,096 by default; more wait for their turn.
    #[must_use]
    pub fn in_flight_max(mut self, operations: usize) -> Self {
        self.in_flight_max = operations;
        self
    }

    /// Threads of the pool at most, 32 by default; they are started as needed.
    #[must_use]
    pub fn pool_threads(mut self, threads: usize) -> Self {
        self.pool_threads = threads;
        self
    }

    /// Cores, 1 by default. The thread that calls [`Runtime::block_on`] is the first; each other core
    /// has a thread. Tasks stay on the core where they were spawned ([`crate::spawn`],
    /// [`crate::spawn_on`]).
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

    /// Builds the runtime, for the calling thread.
    ///
    /// # Errors
    /// Where a ring was demanded and is refused, there are no descriptors or threads left, or a
    /// thread cannot be kept on its CPU.
    pub fn build(&self) -> io::Result<Runtime> {
        let pool = Arc::new(Pool::new(self.pool_threads));
        let all = Remotes::default();
        let mut runtime = self.build_core(0, Arc::clone(&pool), Arc::clone(&all))?;
        let mut remotes = vec![Arc::clone(runtime.core.remote())];
        for number in 1..self.cores {
            let (worker, remote) = self.start_worker(number, &pool, &all)?;
            runtime.add(worker);
            remotes.push(remote);
        }
        let _ = all.set(remotes);
        // Last, because threads inherit the CPUs that they may run on.
        if self.pinned {
            pin(0)?;
        }
        Ok(runtime)
    }

    fn start_worker(
        &self,
        number: usize,
        pool: &Arc<Pool>,
        all: &Remotes,
    ) -> io::Result<(Worker, Arc<crate::driver::remote::Remote>)> {
        let (options, pool, all) = (self.clone(), Arc::clone(pool), Arc::clone(all));
        Worker::start(number, move |started, end| {
            match options.build_core(number, pool, all) {
                Ok(runtime) => {
                    let _ = started.send(Ok(Arc::clone(runtime.core.remote())));
                    drop(started);
                    // No value comes: the core runs until the sender is dropped.
                    let _: Result<(), Aborted> = runtime.block_on(end);
                }
                Err(e) => drop(started.send(Err(e))),
            }
        })
    }

    /// A runtime of one core, on the calling thread.
    fn build_core(&self, number: usize, pool: Arc<Pool>, all: Remotes) -> io::Result<Runtime> {
        if self.pinned && number > 0 {
            pin(number)?;
        }
        Ok(Runtime::from_core(Core::new(self.backend, self.in_flight_max, pool, all)?))
    }
}
