//! Sleeping, and timeouts.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::executor::{Core, TimerKey};

/// A future that ends after a while; see [`sleep`].
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    core: Rc<Core>,
    at: Duration,
    key: Option<TimerKey>,
}

/// The time since this core was made. It never goes back, and is virtual over a simulated kernel.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
#[must_use]
pub fn now() -> Duration {
    Core::current().now()
}

/// Waits for at least `duration`.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let core = Core::current();
    let at = core.now().saturating_add(duration);
    Sleep { core, at, key: None }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.core.now() >= self.at {
            return Poll::Ready(());
        }
        let key = self.core.timers.borrow_mut().arm(self.key, self.at, cx.waker());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.timers.borrow_mut().disarm(key);
        }
    }
}

/// The time was over before the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over first")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for `future` for `limit` at most; then drops it, which cancels its operations.
///
/// # Errors
/// [`Elapsed`].
///
/// # Panics
/// Outside of a runtime.
pub async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut sleep = pin!(sleep(limit));
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        sleep.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
