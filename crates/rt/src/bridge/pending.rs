//! The outcome of an operation that another thread carries out.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Op, Outcome};
use rustix::io::Errno;

use crate::executor::Receiver;

/// Waits for the outcome. When it is dropped, the outcome is freed, its descriptor closed.
#[derive(Debug)]
pub struct Pending(pub(super) Receiver<Outcome>);

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Without a value, the thread has panicked, and the operation is gone with it.
        let gone = |_| Outcome::plain(Op::Nop, Err(Errno::CANCELED));
        Pin::new(&mut self.0).poll(cx).map(|outcome| outcome.unwrap_or_else(gone))
    }
}
