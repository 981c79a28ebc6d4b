//! A value that is sent once, to a future that waits for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The task ended without a value: it was aborted, its runtime is gone, or it panicked.
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

/// Sends the value, from any thread. Dropped without one, it aborts the receiver.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Mutex<State<T>>>);

/// Waits for the value.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Mutex<State<T>>>);

pub(super) fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::<Mutex<State<T>>>::default();
    (Sender(Arc::clone(&state)), Receiver(state))
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Sender<T> {
    pub(super) fn send(self, value: T) {
        lock(&self.0).send(value);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = lock(&self.0).end();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        lock(&self.0).poll(cx)
    }
}
