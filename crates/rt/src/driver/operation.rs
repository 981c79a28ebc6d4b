//! An operation as a future.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Op, Outcome};

use super::LifeKey;
use crate::executor::Core;

/// An operation under way. To drop it is to cancel it: what it owns stays with the kernel
/// until that has let go of it, and a descriptor that it makes too late is closed.
#[derive(Debug)]
#[must_use = "an operation begins when it is awaited"]
pub struct Operation {
    core: Rc<Core>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not given away yet.
    New(Option<Op>),
    Given(LifeKey),
    Over,
}

impl Operation {
    pub(crate) fn new(core: Rc<Core>, op: Op) -> Self {
        Self { core, state: State::New(Some(op)) }
    }

    /// Ends it early and waits until that is done: the outcome has its buffer. It may have
    /// come too late, and then the operation was carried out.
    pub async fn cancel(mut self) -> Outcome {
        match &mut self.state {
            State::New(op) => {
                let op = op.take().unwrap_or(Op::Nop);
                self.state = State::Over;
                return Outcome { op, result: Err(rustix::io::Errno::CANCELED), fd: None };
            }
            State::Given(key) => self.core.driver.borrow_mut().ask_to_end(*key),
            State::Over => {}
        }
        self.await
    }

    /// Ends it early after `limit`, and gives its outcome either way: `ECANCELED` where it
    /// was ended.
    pub async fn within(mut self, limit: std::time::Duration) -> Outcome {
        let mut sleep = std::pin::pin!(crate::time::sleep(limit));
        let early = std::future::poll_fn(|cx| {
            if let Poll::Ready(outcome) = Pin::new(&mut self).poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            sleep.as_mut().poll(cx).map(|()| None)
        });
        match early.await {
            Some(outcome) => outcome,
            None => self.cancel().await,
        }
    }
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if let State::New(op) = &mut this.state {
            let Some(given) = op.take() else { return Poll::Pending };
            match this.core.driver.borrow_mut().submit(given, cx.waker()) {
                Ok(key) => this.state = State::Given(key),
                Err(back) => {
                    *op = Some(back);
                    return Poll::Pending;
                }
            }
        }
        let State::Given(key) = this.state else { return Poll::Pending };
        let outcome = this.core.driver.borrow_mut().poll(key, cx.waker());
        match outcome {
            Some(outcome) => {
                this.state = State::Over;
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let State::Given(key) = self.state {
            self.core.driver.borrow_mut().orphan(key);
        }
    }
}
