//! The executor: on each core a run queue, timers, and the driver in which the core sleeps.
//!
//! [`core`] is the loop of one core. [`current`] is the core of this thread, through which [`wake`] finds
//! the run queue. [`runtime`] runs a core on the caller's thread; [`options`] builds it, with a [`worker`]
//! thread for each further core.

mod calls;
mod core;
mod cores;
mod current;
mod delays;
mod join;
mod oneshot;
mod options;
mod runtime;
mod tasks;
mod timers;
mod wake;
mod worker;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::Poll;

pub(crate) use self::core::Core;
pub use cores::{Cores, RemoteHandle};
pub use join::JoinHandle;
pub use oneshot::Aborted;
pub(crate) use oneshot::{Receiver, Sender, oneshot};
pub use options::RuntimeOptions;
pub use runtime::Runtime;
pub(crate) use timers::TimerKey;

use rustix::io::Errno;

use crate::driver::Snapshot;

/// Runs `future` concurrently with the caller, on the same thread. In a forked child it is dropped, and its
/// handle gives [`Aborted`].
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    Core::current().spawn(future)
}

/// Calls `make` on core `number` of this runtime and runs its future there; the future need not be
/// `Send`.
///
/// # Errors
/// `InvalidInput` where there is no such core; `ECHILD` in a forked child.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_on<T: Send + 'static, F: Future<Output = T> + 'static>(
    number: usize,
    make: impl FnOnce() -> F + Send + 'static,
) -> io::Result<RemoteHandle<T>> {
    Cores::new(Arc::clone(Core::current().all())).spawn_on(number, make)
}

/// Runs `call`, which may block, on a thread of its own ([`RuntimeOptions::blocking_threads`]). It may wait for
/// tasks of this runtime.
///
/// # Errors
/// When it panicked, and in a forked child, where it is not called.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Aborted>> {
    let core = Core::current();
    let (sender, receiver) = oneshot();
    if !core.is_inherited() {
        core.call_blocking(move || sender.send(call()));
    }
    receiver
}

/// Makes a system call that may block and that the ring lacks, on a thread of the pool of operations: closures
/// of the program cannot keep it from starting.
///
/// # Errors
/// As the call; `ECHILD` in a forked child.
pub(crate) async fn call_blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot();
    let core = Core::current();
    if core.is_inherited() {
        return Err(Errno::CHILD.into());
    }
    core.call_short(move || sender.send(call()));
    drop(core);
    receiver.await.map_err(io::Error::other)?
}

/// Lets other tasks run.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The counts of this thread's core.
///
/// # Panics
/// Outside of a runtime.
#[track_caller]
#[must_use]
pub fn counters() -> Snapshot {
    Core::current().snapshot()
}
