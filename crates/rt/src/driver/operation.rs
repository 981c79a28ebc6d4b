//! An operation as a future.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Event, LINKED_MAX, Op, Outcome};

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
                return Outcome::plain(op, Err(rustix::io::Errno::CANCELED));
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

impl Operation {
    /// Gives it away, where that was not done and there is room.
    fn poll_begin(&mut self, cx: &Context<'_>) -> Poll<()> {
        let State::New(op) = &mut self.state else { return Poll::Ready(()) };
        let Some(given) = op.take() else { return Poll::Pending };
        match self.core.driver.borrow_mut().submit(given, cx.waker()) {
            Ok(key) => self.state = State::Given(key),
            Err(back) => {
                *op = Some(back);
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if this.poll_begin(cx).is_pending() {
            return Poll::Pending;
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

/// An operation that goes on and brings one thing after the other (`IORING_OP_ACCEPT` and
/// `IORING_OP_RECV` in their multishot forms). To drop it is to cancel it: what it brings too late is
/// closed or given back.
#[derive(Debug)]
#[must_use = "an operation begins when it is awaited"]
pub struct Operations(Operation);

impl Operations {
    pub(crate) fn new(core: Rc<Core>, op: Op) -> Self {
        Self(Operation::new(core, op))
    }

    /// What comes next. [`Event::End`] is the last; after it, this waits for ever.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let this = &mut self.0;
        if this.poll_begin(cx).is_pending() {
            return Poll::Pending;
        }
        let State::Given(key) = this.state else { return Poll::Pending };
        let event = this.core.driver.borrow_mut().poll_next(key, cx.waker());
        match event {
            Some(Event::End(outcome)) => {
                this.state = State::Over;
                Poll::Ready(Event::End(outcome))
            }
            Some(part) => Poll::Ready(part),
            None => Poll::Pending,
        }
    }

    /// The next thing; [`Event::End`] is the last.
    pub async fn next(&mut self) -> Event {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Things that were brought and not taken.
    #[must_use]
    pub fn untaken(&self) -> usize {
        match self.0.state {
            State::Given(key) => self.0.core.driver.borrow().untaken(key),
            _ => 0,
        }
    }

    /// Asks the kernel to end it; what was brought until then can still be taken, and
    /// [`Event::End`] comes last.
    pub fn ask_to_end(&mut self) {
        if let State::Given(key) = self.0.state {
            self.0.core.driver.borrow_mut().ask_to_end(key);
        }
    }
}

/// Operations that are done one after the other (`IOSQE_IO_LINK`): each begins when the one before it
/// was done whole, without coming back here in between. To drop it is to cancel what is left.
#[derive(Debug)]
#[must_use = "operations begin when they are awaited"]
pub struct Linked {
    core: Rc<Core>,
    new: Option<Vec<Op>>,
    given: Vec<Option<LifeKey>>,
    outcomes: Vec<Outcome>,
}

impl Linked {
    pub(crate) fn new(core: Rc<Core>, ops: Vec<Op>) -> Self {
        Self { core, new: Some(ops), given: Vec::new(), outcomes: Vec::new() }
    }
}

impl Future for Linked {
    /// An outcome for each, in order.
    type Output = Vec<Outcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<Outcome>> {
        let this = &mut *self;
        if let Some(ops) = this.new.take() {
            if ops.is_empty() || ops.len() > LINKED_MAX {
                let refused = |op| Outcome::plain(op, Err(rustix::io::Errno::INVAL));
                return Poll::Ready(ops.into_iter().map(refused).collect());
            }
            match this.core.driver.borrow_mut().submit_linked(ops, cx.waker()) {
                Ok(keys) => this.given = keys.into_iter().map(Some).collect(),
                Err(back) => {
                    this.new = Some(back);
                    return Poll::Pending;
                }
            }
        }
        // They end in order, so that the first which has not is the one to wait for.
        while let Some(key) = this.given.get(this.outcomes.len()).copied().flatten() {
            let outcome = this.core.driver.borrow_mut().poll(key, cx.waker());
            let Some(outcome) = outcome else { return Poll::Pending };
            this.given[this.outcomes.len()] = None;
            this.outcomes.push(outcome);
        }
        Poll::Ready(std::mem::take(&mut this.outcomes))
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        for key in self.given.iter().copied().flatten() {
            self.core.driver.borrow_mut().orphan(key);
        }
    }
}
