//! Operations as futures.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Event, LINKED_MAX, Op, Outcome};
use rustix::io::Errno;

use crate::driver::{OpId, Ticket};
use crate::executor::Core;

/// An operation. Dropping it cancels it: what it owns stays with the runtime until the kernel has let
/// go of it, and a descriptor that it makes too late is closed.
#[derive(Debug)]
#[must_use = "an operation starts when it is awaited"]
pub struct Operation {
    core: Rc<Core>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not submitted yet; with its place among those that wait for room.
    New(Option<Op>, Option<Ticket>),
    Submitted(OpId),
    Over,
}

impl Operation {
    pub(crate) fn new(core: Rc<Core>, op: Op) -> Self {
        Self { core, state: State::New(Some(op), None) }
    }

    /// Asks the kernel to end it early and waits for the outcome, which has its buffer. The request may
    /// come too late; then the operation was carried out.
    pub async fn cancel(mut self) -> Outcome {
        match self.state {
            State::New(..) => return self.end_early(Errno::CANCELED),
            State::Submitted(id) if !self.core.is_inherited() => {
                self.core.driver.borrow_mut().cancel(id);
            }
            State::Submitted(_) | State::Over => {}
        }
        self.await
    }

    /// Waits for the outcome, and cancels the operation after `limit`: the outcome is then
    /// `ECANCELED`.
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
    /// Ends it without an outcome from the kernel. The kernel keeps the buffer of a submitted one.
    fn end_early(&mut self, errno: Errno) -> Outcome {
        self.leave_queue();
        let op = match mem::replace(&mut self.state, State::Over) {
            State::New(op, _) => op.unwrap_or(Op::Nop),
            State::Submitted(_) | State::Over => Op::Nop,
        };
        Outcome::plain(op, Err(errno))
    }

    /// Gives up its place among those that wait for room.
    fn leave_queue(&mut self) {
        if let State::New(_, ticket) = &mut self.state
            && let Some(ticket) = ticket.take()
            && !self.core.is_inherited()
        {
            self.core.driver.borrow_mut().leave_queue(ticket);
        }
    }

    /// Whether it is unfinished in a forked child, where it never ends.
    fn is_lost(&self) -> bool {
        !matches!(self.state, State::Over) && self.core.is_inherited()
    }

    /// Submits it, where that was not done and there is room.
    fn poll_submit(&mut self, cx: &Context<'_>) -> Poll<()> {
        let State::New(op, ticket) = &mut self.state else { return Poll::Ready(()) };
        let Some(submitted) = op.take() else { return Poll::Pending };
        match self.core.driver.borrow_mut().submit(submitted, cx.waker(), ticket) {
            Ok(id) => self.state = State::Submitted(id),
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
        if this.is_lost() {
            return Poll::Ready(this.end_early(Errno::CHILD));
        }
        if this.poll_submit(cx).is_pending() {
            return Poll::Pending;
        }
        let State::Submitted(id) = this.state else { return Poll::Pending };
        let outcome = this.core.driver.borrow_mut().poll(id, cx.waker());
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
        self.leave_queue();
        if let State::Submitted(id) = self.state
            && !self.core.is_inherited()
        {
            self.core.driver.borrow_mut().orphan(id);
        }
    }
}

/// A multishot operation: it delivers one result after the other (as `IORING_OP_ACCEPT` and
/// `IORING_OP_RECV` can). Dropping it cancels it: what it delivers too late is closed or given back.
#[derive(Debug)]
#[must_use = "an operation starts when it is awaited"]
pub struct Operations(Operation);

impl Operations {
    pub(crate) fn new(core: Rc<Core>, op: Op) -> Self {
        Self(Operation::new(core, op))
    }

    /// The next result. [`Event::End`] is the last; after it, this waits for ever.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let this = &mut self.0;
        if this.is_lost() {
            return Poll::Ready(Event::End(this.end_early(Errno::CHILD)));
        }
        if this.poll_submit(cx).is_pending() {
            return Poll::Pending;
        }
        let State::Submitted(id) = this.state else { return Poll::Pending };
        let event = this.core.driver.borrow_mut().poll_next(id, cx.waker());
        match event {
            Some(Event::End(outcome)) => {
                this.state = State::Over;
                Poll::Ready(Event::End(outcome))
            }
            Some(part) => Poll::Ready(part),
            None => Poll::Pending,
        }
    }

    /// The next result; [`Event::End`] is the last.
    pub async fn next(&mut self) -> Event {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Results that were delivered and not taken.
    #[must_use]
    pub fn untaken(&self) -> usize {
        match self.0.state {
            State::Submitted(id) => self.0.core.driver.borrow().untaken(id),
            _ => 0,
        }
    }

    /// Asks the kernel to end it. Results that come until then can still be taken;
    /// [`Event::End`] comes last.
    pub fn ask_to_end(&mut self) {
        if let State::Submitted(id) = self.0.state
            && !self.0.core.is_inherited()
        {
            self.0.core.driver.borrow_mut().cancel(id);
        }
    }
}

/// Operations that are done one after the other (`IOSQE_IO_LINK`): the kernel starts each when the one
/// before it was done whole. Dropping it cancels those that are left.
#[derive(Debug)]
#[must_use = "operations start when they are awaited"]
pub struct Linked {
    core: Rc<Core>,
    new: Option<Vec<Op>>,
    /// Its place among those that wait for room.
    ticket: Option<Ticket>,
    submitted: Vec<Option<OpId>>,
    outcomes: Vec<Outcome>,
}

impl Linked {
    pub(crate) fn new(core: Rc<Core>, ops: Vec<Op>) -> Self {
        let (new, ticket) = (Some(ops), None);
        Self { core, new, ticket, submitted: Vec::new(), outcomes: Vec::new() }
    }

    /// The outcomes in a forked child. Only operations that were not submitted come back.
    fn end_in_child(&mut self) -> Vec<Outcome> {
        let new = self.new.take().unwrap_or_default();
        let left = self.submitted.drain(..).skip(self.outcomes.len()).map(|_| Op::Nop);
        let ended = new.into_iter().chain(left).map(|op| Outcome::plain(op, Err(Errno::CHILD)));
        self.outcomes.extend(ended);
        mem::take(&mut self.outcomes)
    }
}

impl Future for Linked {
    /// An outcome for each, in order.
    type Output = Vec<Outcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<Outcome>> {
        let this = &mut *self;
        if this.core.is_inherited() {
            return Poll::Ready(this.end_in_child());
        }
        if let Some(ops) = this.new.take() {
            if ops.is_empty() || ops.len() > LINKED_MAX {
                let refused = |op| Outcome::plain(op, Err(Errno::INVAL));
                return Poll::Ready(ops.into_iter().map(refused).collect());
            }
            match this.core.driver.borrow_mut().submit_linked(ops, cx.waker(), &mut this.ticket) {
                Ok(ids) => this.submitted = ids.into_iter().map(Some).collect(),
                Err(back) => {
                    this.new = Some(back);
                    return Poll::Pending;
                }
            }
        }
        // They end in order, so the first that has not ended is the one to wait for.
        while let Some(id) = this.submitted.get(this.outcomes.len()).copied().flatten() {
            let outcome = this.core.driver.borrow_mut().poll(id, cx.waker());
            let Some(outcome) = outcome else { return Poll::Pending };
            this.submitted[this.outcomes.len()] = None;
            this.outcomes.push(outcome);
        }
        Poll::Ready(mem::take(&mut this.outcomes))
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        if self.core.is_inherited() {
            return;
        }
        if let Some(ticket) = self.ticket.take() {
            self.core.driver.borrow_mut().leave_queue(ticket);
        }
        for id in self.submitted.iter().copied().flatten() {
            self.core.driver.borrow_mut().orphan(id);
        }
    }
}

/// An operation of your own on this thread's core.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn operation(op: Op) -> Operation {
    Operation::new(Core::current(), op)
}

/// Operations of your own that are done one after the other, 16 at most. A short read or write, or an
/// error, ends the chain, and those after it end with `ECANCELED`.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn linked(ops: Vec<Op>) -> Linked {
    Linked::new(Core::current(), ops)
}

/// A multishot operation of your own on this thread's core. There must be a ring.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn operations(op: Op) -> Operations {
    Operations::new(Core::current(), op)
}

/// A result, and the buffer that was given.
pub type BufResult = (io::Result<usize>, Vec<u8>);

/// The result of an operation with a buffer.
pub(crate) fn buf_result(mut outcome: Outcome) -> BufResult {
    (outcome.result.map(|n| n as usize).map_err(Into::into), outcome.op.take_buf())
}

/// The most attempts at an operation that ends with `EINTR` or `EAGAIN`, so that a kernel that never says
/// anything else is not waited for.
pub(crate) const ATTEMPTS_MAX: u32 = 64;

/// Submits `op`, and again where it was interrupted or refused for now.
pub(crate) async fn retry<F: Future<Output = Outcome>>(
    submit: impl Fn(Op) -> F,
    mut op: Op,
) -> Outcome {
    let mut attempts = 1;
    loop {
        let outcome = submit(op).await;
        match outcome.result {
            Err(Errno::INTR | Errno::AGAIN) if attempts < ATTEMPTS_MAX => op = outcome.op,
            _ => return outcome,
        }
        attempts += 1;
    }
}
