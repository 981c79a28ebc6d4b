//! hyper's executor and timer on this runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt;

use crate::executor::{Core, TimerKey};

/// Spawns hyper's tasks on the core that it runs on; they need not be `Send`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(crate::executor::spawn(future));
    }
}

/// Gives hyper the timers of this core.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let core = Core::current();
        let at = core.now().saturating_add(duration);
        Box::pin(Sleep { core: core.id(), at, key: None })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

/// hyper demands that it is `Send`, so it has the number of its core instead of the core. On another core it
/// ends at once, as its time is not known there.
#[derive(Debug)]
struct Sleep {
    core: u64,
    at: Duration,
    key: Option<TimerKey>,
}

impl rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(core) = Core::with_id(self.core) else { return Poll::Ready(()) };
        if core.now() >= self.at {
            return Poll::Ready(());
        }
        let key = core.timers.borrow_mut().arm(self.key, self.at, cx.waker());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let (Some(core), Some(key)) = (Core::with_id(self.core), self.key) {
            core.timers.borrow_mut().disarm(key);
        }
    }
}
