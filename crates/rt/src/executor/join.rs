//! Spawning a task, and waiting for its value.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::core::Core;
use super::oneshot::{Aborted, State};
use super::tasks::NO_TASK;

/// Waits for a task's value. When it is dropped, the task runs on.
#[derive(Debug)]
pub struct JoinHandle<T> {
    state: Rc<RefCell<State<T>>>,
    core: Weak<Core>,
    id: u64,
}

/// Ends the state when the task is dropped, with or without a value.
struct EndOnDrop<T>(Rc<RefCell<State<T>>>);

impl<T> Drop for EndOnDrop<T> {
    fn drop(&mut self) {
        let waker = self.0.borrow_mut().end();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Core {
    /// Runs `future` on this core.
    pub(crate) fn spawn<T: 'static>(
        self: &Rc<Self>,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let state = Rc::<RefCell<State<T>>>::default();
        if self.is_inherited() {
            state.borrow_mut().end();
            return JoinHandle { state, core: Rc::downgrade(self), id: NO_TASK };
        }
        let end = EndOnDrop(Rc::clone(&state));
        let id = self.add(Box::pin(async move {
            let value = future.await;
            end.0.borrow_mut().send(value);
        }));
        JoinHandle { state, core: Rc::downgrade(self), id }
    }
}

impl<T> JoinHandle<T> {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Drops the task; its operations are cancelled.
    pub fn abort(&self) {
        if let Some(core) = self.core.upgrade().filter(|core| !core.is_inherited()) {
            core.abort(self.id);
        }
    }

    /// Whether the task is the parent's, in a forked child.
    fn is_inherited(&self) -> bool {
        self.core.upgrade().is_some_and(|core| core.is_inherited())
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.borrow().is_over() || self.is_inherited()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.state.borrow().is_over() && self.is_inherited() {
            return Poll::Ready(Err(Aborted));
        }
        self.state.borrow_mut().poll(cx)
    }
}
