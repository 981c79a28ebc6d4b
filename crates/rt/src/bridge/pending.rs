//! The outcome of an operation that another thread carries out.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Op, Outcome};
use rustix::io::Errno;

use crate::executor::Receiver;

/// Waits for the outcome. When it is dropped, the outcome is freed, its descriptor closed.
#[derive(Debug)]
pub struct Pending(State);

#[derive(Debug)]
enum State {
    /// The thread has the operation.
    Sent(Receiver<Outcome>),
    /// The process was forked and has no such thread.
    Refused(Option<Op>),
}

impl Pending {
    pub(super) fn new(receiver: Receiver<Outcome>) -> Self {
        Self(State::Sent(receiver))
    }

    pub(super) fn refused(op: Op) -> Self {
        Self(State::Refused(Some(op)))
    }
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.0 {
            State::Sent(receiver) => {
                // No value: the thread has panicked, or is the parent's.
                let errno = if receiver.is_inherited() { Errno::CHILD } else { Errno::CANCELED };
                let gone = |_| Outcome::plain(Op::Nop, Err(errno));
                Pin::new(receiver).poll(cx).map(|outcome| outcome.unwrap_or_else(gone))
            }
            State::Refused(op) => match op.take() {
                Some(op) => Poll::Ready(Outcome::plain(op, Err(Errno::CHILD))),
                None => Poll::Pending,
            },
        }
    }
}
