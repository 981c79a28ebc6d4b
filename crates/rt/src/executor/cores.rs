//! The cores of a runtime, as other threads and cores use them.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use rustix::io::Errno;

use super::core::{Core, Remotes};
use super::oneshot::{Aborted, Receiver, oneshot};
use super::tasks::NO_TASK;
use super::wake::wake_core;
use crate::driver::Snapshot;
use crate::driver::remote::{Call, Remote};

/// A runtime's cores, for any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cores(Remotes);

impl Cores {
    pub(super) fn new(remotes: Remotes) -> Self {
        Self(remotes)
    }

    fn remotes(&self) -> &[Arc<Remote>] {
        self.0.get().map_or(&[], Vec::as_slice)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.get().map_or(1, Vec::len)
    }

    /// Calls `make` on core `number` and runs its future there. The future need not be `Send`. Where the
    /// runtime is gone, it never runs, and waiting for it gives [`Aborted`].
    ///
    /// # Errors
    /// `InvalidInput` where there is no such core; `ECHILD` in a forked child.
    pub fn spawn_on<T: Send + 'static, F: Future<Output = T> + 'static>(
        &self,
        number: usize,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<RemoteHandle<T>> {
        let remotes = self.remotes();
        let remote = remotes.get(number).ok_or_else(|| {
            let text = format!("there is no core {number}: this runtime has {}", remotes.len());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        if remote.is_inherited() {
            return Err(Errno::CHILD.into());
        }
        let (sender, receiver) = oneshot();
        let id = Arc::new(AtomicU64::new(NO_TASK));
        let started = Arc::clone(&id);
        let start = move || {
            let task = Core::current().spawn(async move { sender.send(make().await) });
            started.store(task.id(), Ordering::Release);
        };
        remote.give(Call(Box::new(start)));
        wake_core(remote);
        Ok(RemoteHandle { receiver, remote: Arc::clone(remote), id })
    }

    /// Has the cores publish their counts, for [`Cores::published`].
    #[cfg(feature = "metrics")]
    pub(crate) fn watch(&self) {
        self.remotes().iter().for_each(|remote| remote.watch());
    }

    /// The counts that each core published last; `None` where it has not published any yet.
    #[cfg(feature = "metrics")]
    pub(crate) fn published(&self) -> Vec<Option<Snapshot>> {
        self.remotes().iter().map(|remote| remote.published()).collect()
    }

    /// Asks each core for its counts.
    pub async fn counters(&self) -> Vec<Snapshot> {
        let asked: Vec<_> = (0..self.count())
            .filter_map(|number| {
                self.spawn_on(number, || async { Core::current().snapshot() }).ok()
            })
            .collect();
        let mut all = Vec::new();
        for answer in asked {
            all.extend(answer.await);
        }
        all
    }
}

/// Waits for the value of a task on another core. When it is dropped, the task runs on.
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
        // Calls are made in order: the task has been started when this one is made.
        let call = move || Core::current().abort(id.load(Ordering::Acquire));
        self.remote.give(Call(Box::new(call)));
        wake_core(&self.remote);
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

    use super::super::runtime::Runtime;
    use crate::driver::{Backend, Path};
    use crate::time::timeout;

    const LONG: Duration = Duration::from_secs(30);

    fn runtime(cores: usize) -> Option<Runtime> {
        let options = Runtime::options().backend(Backend::RingWithoutMessages).cores(cores);
        options
            .build()
            .inspect_err(|e| cutwater_testing::skip!("no ring that can be restricted: {e}"))
            .ok()
    }

    #[test]
    fn cores_whose_rings_refuse_messages_wake_each_other_by_their_events() {
        let Some(runtime) = runtime(2) else { return };
        let cores = runtime.cores();
        let counters = runtime.block_on(async {
            for n in 0..200u32 {
                // The core sleeps between the two, as this one does meanwhile.
                let doubled = cores.spawn_on(1, move || async move { n * 2 }).expect("it is there");
                let doubled = timeout(LONG, doubled).await.expect("no wake is lost");
                assert_eq!(doubled, Ok(n * 2));
            }
            timeout(LONG, cores.counters()).await.expect("no wake is lost")
        });
        assert!(counters.iter().map(|core| core.unparks).sum::<u64>() > 0, "{counters:?}");
        assert!(runtime.core.driver.borrow().messages_refused(), "the kernel has refused");
        // Nothing was counted as a failure of the ring itself.
        assert_eq!(runtime.path(), (Path::Hot, None));
    }

    #[test]
    fn a_message_that_is_refused_costs_one_try() {
        let (Some(one), Some(other)) = (runtime(1), runtime(1)) else { return };
        let submitted = || one.core.driver.borrow().snapshot().submitted;
        let before = submitted();
        for _ in 0..5 {
            let arrived = one.core.driver.borrow_mut().wake(other.core.remote());
            assert!(!arrived, "it has not arrived");
        }
        assert_eq!(submitted(), before + 1);
    }
}
