//! The bridge's thread, and the queue through which it gets operations.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

use crossbeam_queue::SegQueue;
use cutwater_sys::origin::Origin;
use cutwater_sys::ring::{Op, Outcome};

use super::pending::Pending;
use crate::driver::Backend;
use crate::executor::{Runtime, Sender, oneshot, spawn};
use crate::operation::operation;

/// One thread with a ring that carries operations out for any executor. Cheap to clone. The thread ends
/// with the last clone and the operations that it has. In a child made by `fork(2)` its operations end with
/// `ECHILD`, and dropping it does nothing.
#[derive(Debug, Clone)]
pub struct Bridge {
    inner: Arc<Inner>,
}

/// How to start a [`Bridge`]; see [`Bridge::options`].
#[derive(Debug, Clone, Default)]
pub struct BridgeOptions {
    backend: Backend,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
    has_ring: bool,
    /// A simulated kernel has no page cache.
    is_simulated: bool,
    origin: Origin,
}

/// Operations for the thread, and what wakes it.
#[derive(Debug, Default)]
struct Queue {
    requests: SegQueue<Request>,
    /// Wakes the task that takes requests.
    waker: Mutex<Option<Waker>>,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Request {
    op: Op,
    outcome: Sender<Outcome>,
}

impl BridgeOptions {
    /// What carries operations out; by default the ring where there is one.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started, there are no descriptors left, or a ring was demanded and is
    /// refused.
    pub fn start(&self) -> io::Result<Bridge> {
        let queue = Arc::<Queue>::default();
        let (sender, receiver) = std::sync::mpsc::channel();
        let (theirs, options) = (Arc::clone(&queue), Runtime::options().backend(self.backend));
        let run = move || match options.build() {
            Ok(runtime) => {
                // The receiver waits for this answer.
                let _ = sender.send(Ok(runtime.has_ring()));
                runtime.serves_others();
                runtime.block_on(serve(&theirs));
            }
            Err(e) => drop(sender.send(Err(e))),
        };
        let thread = thread::Builder::new().name("cutwater-bridge".into()).spawn(run)?;
        let has_ring = receiver.recv().map_err(io::Error::other)??;
        let thread = Mutex::new(Some(thread));
        let (is_simulated, origin) = (self.backend.simulated().is_some(), Origin::here());
        Ok(Bridge { inner: Arc::new(Inner { queue, thread, has_ring, is_simulated, origin }) })
    }
}

impl Bridge {
    /// Starts the thread, with a ring where the host has one.
    ///
    /// # Errors
    /// As [`BridgeOptions::start`].
    pub fn new() -> io::Result<Self> {
        Self::options().start()
    }

    /// Options, to be ended by [`BridgeOptions::start`].
    #[must_use]
    pub fn options() -> BridgeOptions {
        BridgeOptions::default()
    }

    /// Whether reads go through a ring.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.inner.has_ring
    }

    /// Whether this process inherited it by `fork(2)`, and so does not have its thread.
    fn is_inherited(&self) -> bool {
        !self.inner.origin.is_here()
    }

    /// Whether a read may be answered on the caller's thread.
    pub(super) fn reads_inline(&self) -> bool {
        !self.is_inherited() && !self.inner.is_simulated
    }

    pub(super) fn submit(&self, op: Op) -> Pending {
        if self.is_inherited() {
            return Pending::refused(op);
        }
        let (outcome, receiver) = oneshot();
        self.inner.queue.requests.push(Request { op, outcome });
        self.inner.queue.wake();
        Pending::new(receiver)
    }
}

impl Queue {
    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            // The thread is the parent's, and what it shares may be in the middle of a change.
            mem::forget(mem::replace(&mut self.thread, Mutex::new(None)));
            mem::forget(Arc::clone(&self.queue));
            return;
        }
        self.queue.ended.store(true, Ordering::Release);
        self.queue.wake();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last clone may be dropped on the thread itself, which cannot join itself.
        if let Some(thread) = thread.filter(|t| t.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Takes requests until the bridge is gone.
async fn serve(queue: &Arc<Queue>) {
    loop {
        while let Some(Request { op, outcome }) = queue.requests.pop() {
            spawn(async move { outcome.send(operation(op).await) });
        }
        let mut waited = false;
        std::future::poll_fn(|cx| {
            if mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            *queue.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            // A request that came before the waker was set has woken nobody.
            if !queue.requests.is_empty() || queue.ended.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        if queue.ended.load(Ordering::Acquire) && queue.requests.is_empty() {
            return;
        }
    }
}
