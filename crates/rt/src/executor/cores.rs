//! Several cores: a thread with an executor and a ring for each.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll};
use std::thread;

use rustix::thread::CpuSet;

use super::handle::{Aborted, Receiver, Sender, blocking};
use super::{Builder, Core, tell};
use crate::driver::Counters;
use crate::driver::pool::Pool;
use crate::driver::remote::{Call, Remote};

/// What other threads see of each core, once all have been started.
pub(super) type Remotes = Arc<OnceLock<Vec<Arc<Remote>>>>;

/// A thread with an executor, until it is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    /// To drop it is the word to end.
    end: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    /// Starts core `number`; gives what other threads see of it.
    pub(super) fn start(
        number: usize,
        builder: Builder,
        pool: Arc<Pool>,
        all: Remotes,
    ) -> io::Result<(Self, Arc<Remote>)> {
        let (end, ended) = blocking::<()>();
        let (sender, receiver) = mpsc::channel();
        let run = move || match builder.build_core(number, pool, all) {
            Ok(runtime) => {
                let _ = sender.send(Ok(Arc::clone(&runtime.core.remote)));
                drop(sender);
                // It gives no value: its end is what is waited for.
                let _: Result<(), Aborted> = runtime.block_on(ended);
            }
            Err(e) => drop(sender.send(Err(e))),
        };
        let thread = thread::Builder::new().name(format!("cutwater-core-{number}")).spawn(run)?;
        let worker = Self { end: Some(end), thread: Some(thread) };
        Ok((worker, receiver.recv().map_err(io::Error::other)??))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A task that panicked has said so already.
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

/// A runtime's cores, for any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cores(pub(super) Remotes);

impl Cores {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.get().map_or(1, Vec::len)
    }

    /// Runs the future that `make` makes on core `number`. The future itself stays there and need
    /// not be `Send`. Where the runtime is gone, it never runs, and to wait for it is [`Aborted`].
    ///
    /// # Errors
    /// `InvalidInput` where there is no such core.
    pub fn spawn_on<T: Send + 'static, F: Future<Output = T> + 'static>(
        &self,
        number: usize,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<RemoteHandle<T>> {
        let remotes = self.0.get().map_or(&[][..], Vec::as_slice);
        let remote = remotes.get(number).ok_or_else(|| {
            let text = format!("there is no core {number}: this runtime has {}", remotes.len());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        let (sender, receiver) = blocking();
        let id = Arc::new(AtomicU64::new(NO_TASK));
        let begun = Arc::clone(&id);
        let begin = move || {
            let task = Core::current().spawn(async move { sender.send(make().await) });
            begun.store(task.id(), Ordering::Release);
        };
        remote.give(Call(Box::new(begin)));
        tell(remote);
        Ok(RemoteHandle { receiver, remote: Arc::clone(remote), id })
    }

    /// Has the cores say what they do, for [`Cores::published`].
    #[cfg(feature = "metrics")]
    pub(crate) fn watch(&self) {
        for remote in self.0.get().into_iter().flatten() {
            remote.watched.store(true, Ordering::Relaxed);
        }
    }

    /// What each core has said that it did; nothing where it has not said anything yet.
    #[cfg(feature = "metrics")]
    pub(crate) fn published(&self) -> Vec<Option<Counters>> {
        let said = |remote: &Arc<Remote>| {
            *remote.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        self.0.get().into_iter().flatten().map(said).collect()
    }

    /// What each core did so far.
    pub async fn counters(&self) -> Vec<Counters> {
        let asked: Vec<_> = (0..self.count())
            .filter_map(|number| self.spawn_on(number, || async { super::counters() }).ok())
            .collect();
        let mut all = Vec::new();
        for answer in asked {
            all.extend(answer.await);
        }
        all
    }
}

/// The number of no task.
const NO_TASK: u64 = u64::MAX;

/// Waits for the value of a task on another core. Dropped, it lets the task run on.
pub struct RemoteHandle<T> {
    receiver: Receiver<T>,
    remote: Arc<Remote>,
    id: Arc<AtomicU64>,
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<T> RemoteHandle<T> {
    /// Drops the task; its operations are cancelled.
    pub fn abort(&self) {
        let id = Arc::clone(&self.id);
        // Calls are made in order: the task has been begun when this one is.
        let call = move || Core::current().abort(id.load(Ordering::Acquire));
        self.remote.give(Call(Box::new(call)));
        tell(&self.remote);
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::driver::Backend;
    use crate::time::timeout;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    #[allow(clippy::print_stdout, reason = "to say what was skipped")]
    fn cores_whose_rings_refuse_messages_wake_each_other_by_their_events() {
        let mut builder = Builder::default().backend(Backend::Ring).cores(2);
        builder.refuse_messages = true;
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(e) => return println!("skipped: no ring that can be restricted: {e}"),
        };
        let cores = runtime.cores();
        let told = runtime.block_on(async {
            for n in 0..200u32 {
                // The core sleeps between the one and the next, as this one does meanwhile.
                let doubled = cores.spawn_on(1, move || async move { n * 2 }).expect("it is there");
                let doubled = timeout(LONG, doubled).await.expect("no wake is lost");
                assert_eq!(doubled, Ok(n * 2));
            }
            timeout(LONG, cores.counters()).await.expect("no wake is lost")
        });
        assert!(told.iter().map(|counters| counters.told).sum::<u64>() > 0, "{told:?}");
        assert!(runtime.core.driver.borrow().messages_refused, "the kernel has refused");
        // Nothing was counted as a failure of the ring itself.
        assert_eq!(runtime.path(), (crate::Path::Hot, None));
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "to say what was skipped")]
    fn a_message_that_is_refused_costs_one_try() {
        let mut builder = Builder::default().backend(Backend::Ring);
        builder.refuse_messages = true;
        let (one, other) = match (builder.build(), builder.build()) {
            (Ok(one), Ok(other)) => (one, other),
            _ => return println!("skipped: no ring that can be restricted"),
        };
        let submitted = || one.core.driver.borrow().counters().submitted;
        let before = submitted();
        for _ in 0..5 {
            assert!(!one.core.driver.borrow_mut().tell(&other.core.remote), "it has not arrived");
        }
        assert_eq!(submitted(), before + 1);
    }
}
