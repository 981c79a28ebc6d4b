//! The thread of a further core, and the CPU that it is kept on.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use rustix::thread::CpuSet;

use super::oneshot::{Receiver, Sender, oneshot};
use crate::driver::remote::Remote;

/// How a core's thread answers whether it has started.
pub(super) type Started = mpsc::Sender<io::Result<Arc<Remote>>>;

/// A thread with a core; dropping this ends the core and joins the thread.
#[derive(Debug)]
pub(super) struct Worker {
    /// Dropping it ends the core.
    end: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread of core `number`. It calls `run`, which answers through [`Started`], and runs
    /// the core until the receiver ends.
    pub(super) fn start(
        number: usize,
        run: impl FnOnce(Started, Receiver<()>) + Send + 'static,
    ) -> io::Result<(Self, Arc<Remote>)> {
        let (end, ended) = oneshot::<()>();
        let (started, answer) = mpsc::channel();
        let name = format!("cutwater-core-{number}");
        let thread = thread::Builder::new().name(name).spawn(move || run(started, ended))?;
        let worker = Self { end: Some(end), thread: Some(thread) };
        Ok((worker, answer.recv().map_err(io::Error::other)??))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A task that panicked has printed its message already.
            let _ = thread.join();
        }
    }
}

/// Keeps this thread on one CPU: the `number`th of those it may run on.
pub(super) fn pin(number: usize) -> io::Result<()> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let cpu = cpus.get(number % cpus.len().max(1)).copied().unwrap_or(0);
    let mut one = CpuSet::new();
    one.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &one)?)
}
