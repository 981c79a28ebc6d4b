//! A value that is sent once, to a future that waits for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use cutwater_sys::origin::Origin;

/// The task ended without a value: it was aborted, its runtime is gone, it panicked, or this is a forked child,
/// which has none of its parent's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task ended without a value")
    }
}

impl std::error::Error for Aborted {}

/// The value, whether the sender is gone, and who waits.
#[derive(Debug)]
pub(super) struct State<T> {
    value: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { value: None, over: false, waker: None }
    }
}

impl<T> State<T> {
    pub(super) fn send(&mut self, value: T) {
        self.value = Some(value);
    }

    /// The sender is gone; the waker is to be woken without a borrow or lock of this.
    pub(super) fn end(&mut self) -> Option<Waker> {
        self.over = true;
        self.waker.take()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<T, Aborted>> {
        if self.over {
            return Poll::Ready(self.value.take().ok_or(Aborted));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// It has a cache line of its own, as two threads write to it.
#[derive(Debug)]
#[repr(align(128))]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// The process that both sides belong to. In a forked child a thread that is gone may hold the lock.
    origin: Origin,
}

/// Sends the value, from any thread. When it is dropped without one, the receiver ends with [`Aborted`].
#[derive(Debug)]
pub(crate) struct Sender<T>(Option<Arc<Shared<T>>>);

/// Waits for the value. When it is dropped, so is the value.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

pub(crate) fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { state: Mutex::default(), origin: Origin::here() });
    (Sender(Some(Arc::clone(&shared))), Receiver(shared))
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_inherited(&self) -> bool {
        !self.origin.is_here()
    }

    fn end(&self, value: Option<T>) {
        if self.is_inherited() {
            return;
        }
        let waker = {
            let mut state = self.lock();
            state.value = value;
            state.end()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Sender<T> {
    pub(crate) fn send(mut self, value: T) {
        if let Some(shared) = self.0.take() {
            shared.end(Some(value));
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.end(None);
        }
    }
}

impl<T> Receiver<T> {
    /// Whether the sender is in the process that this one was forked from.
    pub(crate) fn is_inherited(&self) -> bool {
        self.0.is_inherited()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_inherited() {
            return Poll::Ready(Err(Aborted));
        }
        self.0.lock().poll(cx)
    }
}
