//! What is left in the hand of whoever spawned: the value to come.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Core;

/// The task ended without a value: it was aborted, its runtime went away, or it panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task ended without a value")
    }
}

impl std::error::Error for Aborted {}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

/// Waits for a task's value. Dropped, it lets the task run on.
#[derive(Debug)]
pub struct JoinHandle<T> {
    state: Rc<RefCell<State<T>>>,
    core: Weak<Core>,
    id: u64,
}

/// The task's side.
#[derive(Debug)]
pub(super) struct Finish<T>(Rc<RefCell<State<T>>>);

pub(super) fn pair<T>(core: Weak<Core>) -> (JoinHandle<T>, Finish<T>) {
    let state = Rc::new(RefCell::new(State { value: None, over: false, waker: None }));
    (JoinHandle { state: Rc::clone(&state), core, id: 0 }, Finish(state))
}

impl<T> Finish<T> {
    pub(super) fn finish(&self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.borrow_mut();
            state.over = true;
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> JoinHandle<T> {
    pub(super) fn of(mut self, id: u64) -> Self {
        self.id = id;
        self
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Drops the task; its operations are cancelled.
    pub fn abort(&self) {
        if let Some(core) = self.core.upgrade() {
            core.abort(self.id);
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.borrow().over
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.state.borrow_mut();
        if state.over {
            return Poll::Ready(state.value.take().ok_or(Aborted));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A value that another thread sends, once.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Mutex<State<T>>>);

/// Waits for it.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Mutex<State<T>>>);

pub(super) fn blocking<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(Mutex::new(State { value: None, over: false, waker: None }));
    (Sender(Arc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    pub(super) fn send(self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).value = Some(value);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.over = true;
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.over {
            return Poll::Ready(state.value.take().ok_or(Aborted));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
