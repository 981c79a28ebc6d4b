//! How to build a runtime.

use std::io;
use std::sync::Arc;

use super::core::{Core, Remotes};
use super::oneshot::Aborted;
use super::runtime::Runtime;
use super::worker::{Worker, pin};
use crate::driver::pool::{BLOCKING_THREADS_DEFAULT, Pools, THREADS_DEFAULT};
use crate::driver::{Backend, Limits, RING_ENTRIES_DEFAULT, SHARED_BUFFERS_DEFAULT};

/// Operations of a core in flight at most, by default.
const IN_FLIGHT_DEFAULT: usize = 4096;

/// How to build a [`Runtime`]; see [`Runtime::options`].
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    backend: Backend,
    limits: Limits,
    pool_threads: usize,
    blocking_threads: usize,
    cores: usize,
    pinned: bool,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            backend: Backend::Auto,
            limits: Limits {
                in_flight_max: IN_FLIGHT_DEFAULT,
                ring_entries: RING_ENTRIES_DEFAULT,
                shared_buffers: SHARED_BUFFERS_DEFAULT,
            },
            pool_threads: THREADS_DEFAULT,
            blocking_threads: BLOCKING_THREADS_DEFAULT,
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
        self.limits.in_flight_max = operations;
        self
    }

    /// Entries of each core's ring, 256 by default: operations that are given to the kernel together. The
    /// kernel makes it a power of two.
    #[must_use]
    pub fn ring_entries(mut self, entries: u32) -> Self {
        self.limits.ring_entries = entries;
        self
    }

    /// Buffers of 8 KiB that the sockets of a core share for what they receive, 512 by default, a power of two
    /// at most 8,192. While all are in use, a connection receives into a buffer of its own.
    #[must_use]
    pub fn shared_buffers(mut self, buffers: u16) -> Self {
        self.limits.shared_buffers = buffers;
        self
    }

    /// Threads for operations where there is no ring, and for calls that the ring lacks, such as
    /// [`crate::fs::read_dir`]: at most this number, 32 by default, for all cores. They are started
    /// as needed.
    #[must_use]
    pub fn pool_threads(mut self, threads: usize) -> Self {
        self.pool_threads = threads;
        self
    }

    /// The most threads for closures of [`crate::spawn_blocking`], 512 by default, for all cores.
    /// They are started as needed and end after ten idle seconds. No operation needs one of them,
    /// so closures may wait for tasks. If this many closures wait for others that have not started,
    /// they wait for ever.
    #[must_use]
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads = threads;
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
        let pools = Pools::new(self.pool_threads, self.blocking_threads);
        let all = Remotes::default();
        let mut runtime = self.build_core(0, pools.clone(), Arc::clone(&all))?;
        let mut remotes = vec![Arc::clone(runtime.core.remote())];
        for number in 1..self.cores {
            let (worker, remote) = self.start_worker(number, &pools, &all)?;
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
        pools: &Pools,
        all: &Remotes,
    ) -> io::Result<(Worker, Arc<crate::driver::remote::Remote>)> {
        let (options, pools, all) = (self.clone(), pools.clone(), Arc::clone(all));
        Worker::start(number, move |started, end| {
            match options.build_core(number, pools, all) {
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
    fn build_core(&self, number: usize, pools: Pools, all: Remotes) -> io::Result<Runtime> {
        if self.pinned && number > 0 {
            pin(number)?;
        }
        let runtime = Runtime::from_core(Core::new(self.backend, &self.limits, pools, all)?);
        if self.cores > 1 {
            runtime.serves_others();
        }
        Ok(runtime)
    }
}
