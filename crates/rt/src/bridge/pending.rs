//! The outcome of an operation that another thread carries out.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use cutwater_sys::ring::Outcome;

/// Where the outcome goes. It has a cache line of its own, as two threads write to it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Slot(Mutex<SlotState>);

#[derive(Debug, Default)]
enum SlotState {
    #[default]
    New,
    Waiting(Waker),
    /// Nobody wants it: what the outcome owns is freed.
    Orphaned,
    Done(Outcome),
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn finish(&self, outcome: Outcome) {
        let before = {
            let mut state = self.lock();
            if matches!(*state, SlotState::Orphaned) {
                return;
            }
            std::mem::replace(&mut *state, SlotState::Done(outcome))
        };
        if let SlotState::Waiting(waker) = before {
            waker.wake();
        }
    }
}

/// Waits for the outcome.
#[derive(Debug)]
pub struct Pending {
    slot: Arc<Slot>,
    taken: bool,
}

impl Pending {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, taken: false }
    }
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.slot.lock();
        match std::mem::replace(&mut *state, SlotState::Waiting(cx.waker().clone())) {
            SlotState::Done(outcome) => {
                drop(state);
                self.taken = true;
                Poll::Ready(outcome)
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.taken {
            // An outcome that is there already is freed here, its descriptor closed.
            let _done = std::mem::replace(&mut *self.slot.lock(), SlotState::Orphaned);
        }
    }
}
