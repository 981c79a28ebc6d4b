//! Wakes from a thread that blocks right after: each wake must have left by then.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use cutwater_rt::bridge::Bridge;
use cutwater_rt::op::Op;
use cutwater_rt::{
    Backend, RemoteHandle, Runtime, operation, spawn, spawn_blocking, spawn_on, yield_now,
};

use crate::support::options;

/// A wake is needed only when the other side sleeps, which it mostly does.
const ROUNDS: usize = 100;

/// Rounds of tests that build a runtime in each.
const MADE: usize = 25;

/// A test that is not over by then hangs.
const FOREVER: Duration = Duration::from_secs(120);

/// Runs `test`, which hangs where a wake is not sent, for each pair of waking and sleeping backends.
fn everywhere(test: impl Fn(Backend, Backend) + Clone + Send + 'static) {
    if cfg!(miri) {
        return cutwater_testing::skip!(
            "Miri has neither io_uring nor a clock that is fast enough"
        );
    }
    // Not `Ring`: the kernel frees the memory of rings late, and may refuse one meanwhile.
    for waking in [Backend::Auto, Backend::Pool] {
        for sleeping in [Backend::Auto, Backend::Pool] {
            let (sender, over) = mpsc::channel();
            let test = test.clone();
            let thread = thread::spawn(move || {
                test(waking, sleeping);
                let _ = sender.send(());
            });
            let over = over.recv_timeout(FOREVER);
            assert_ne!(
                over,
                Err(mpsc::RecvTimeoutError::Timeout),
                "from {waking:?} to {sleeping:?}: a wake has not left"
            );
            thread.join().expect("it works");
        }
    }
}

fn runtime(backend: Backend, cores: usize) -> Runtime {
    options(backend).cores(cores).build().expect("it starts")
}

/// Opened by one thread, waited for by a task of another.
#[derive(Default)]
struct Gate {
    open: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    fn wait(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let gate = Arc::clone(self);
        poll_fn(move |cx| {
            let mut waker = gate.waker.lock().expect("nobody panics with it");
            if gate.open.swap(false, Ordering::AcqRel) {
                return Poll::Ready(());
            }
            *waker = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn open(&self) {
        let waker = {
            let mut waker = self.waker.lock().expect("nobody panics with it");
            self.open.store(true, Ordering::Release);
            waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Opens the gate when it is woken.
struct WakesGate(Arc<Gate>);

impl Wake for WakesGate {
    fn wake(self: Arc<Self>) {
        self.0.open();
    }
}

/// Opens the gate when it is dropped.
struct OpensOnDrop(Arc<Gate>);

impl Drop for OpensOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A task of `sleeping` that answers each time the gate is opened, until the receiver is dropped.
fn answers(sleeping: &Runtime, number: usize) -> (Arc<Gate>, mpsc::Receiver<()>, RemoteHandle<()>) {
    let gate = Arc::<Gate>::default();
    let (sender, receiver) = mpsc::channel();
    let theirs = Arc::clone(&gate);
    let task = sleeping.cores().spawn_on(number, move || async move {
        loop {
            theirs.wait().await;
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    (gate, receiver, task.expect("there is such a core"))
}

#[test]
fn a_bridge_may_be_dropped_in_a_task() {
    everywhere(|waking, sleeping| {
        let runtime = runtime(waking, 1);
        for _ in 0..MADE {
            runtime.block_on(async {
                let bridge = Bridge::options().backend(sleeping).start().expect("it starts");
                bridge.open("/dev/null").await.expect("opens");
                drop(bridge);
            });
        }
    });
}

#[test]
fn a_task_may_block_for_the_task_that_it_woke() {
    everywhere(|waking, sleeping| {
        let (first, second) = (runtime(waking, 1), runtime(sleeping, 2));
        let (gate, answer, task) = answers(&second, 1);
        first.block_on(async {
            let blocks = async move {
                for _ in 0..ROUNDS {
                    gate.open();
                    answer.recv().expect("it is answered");
                }
                drop(answer);
                gate.open();
            };
            spawn(blocks).await.expect("it ends");
            task.await.expect("it ends");
        });
    });
}

#[test]
fn a_completion_may_wake_a_task_of_another_core() {
    everywhere(|waking, sleeping| {
        let (first, second) = (runtime(waking, 1), runtime(sleeping, 2));
        let (gate, answer, _) = answers(&second, 1);
        let waker = Waker::from(Arc::new(WakesGate(gate)));
        first.block_on(async {
            for _ in 0..ROUNDS {
                let mut nop = pin!(operation(Op::Nop));
                let now = nop.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(now.is_pending(), "there is something to wait for");
                while answer.try_recv().is_err() {
                    yield_now().await;
                }
                nop.await.result.expect("it does nothing");
            }
        });
    });
}

#[test]
fn what_block_on_runs_is_woken_by_a_task_that_blocks() {
    everywhere(|waking, sleeping| {
        let (first, second) = (runtime(waking, 2), runtime(sleeping, 1));
        let gate = Arc::<Gate>::default();
        let (sender, receiver) = mpsc::channel();
        let theirs = Arc::clone(&gate);
        let blocks = move || async move {
            for _ in 0..ROUNDS {
                theirs.open();
                receiver.recv().expect("it is answered");
            }
        };
        let task = first.cores().spawn_on(1, blocks).expect("there is such a core");
        second.block_on(async {
            for _ in 0..ROUNDS {
                gate.wait().await;
                sender.send(()).expect("it is waited for");
            }
            task.await.expect("it ends");
        });
    });
}

#[test]
fn a_task_may_block_until_another_core_has_begun_or_aborted_one() {
    everywhere(|waking, sleeping| {
        if waking != sleeping {
            return; // Cores of one runtime have one backend.
        }
        runtime(waking, 2).block_on(async {
            for _ in 0..ROUNDS {
                let (sender, receiver) = mpsc::channel::<()>();
                let begun = sender.clone();
                let waits = move || async move {
                    let _sender = sender;
                    std::future::pending::<()>().await;
                };
                let task = spawn_on(1, waits).expect("there is such a core");
                spawn_on(1, || async move { begun.send(()) }).expect("there is such a core");
                receiver.recv().expect("it has begun");
                task.abort();
                receiver.recv().expect_err("its sender is dropped");
            }
        });
    });
}

#[test]
fn a_runtime_may_be_dropped_in_a_task_of_another() {
    everywhere(|waking, sleeping| {
        runtime(waking, 1).block_on(async {
            for _ in 0..MADE {
                let inner = runtime(sleeping, 3);
                let (gate, answer, _) = answers(&inner, 2);
                gate.open();
                answer.recv().expect("it runs");
                drop(inner);
            }
        });
    });
}

#[test]
fn the_wakes_of_a_runtime_that_is_dropped_have_left() {
    everywhere(|waking, sleeping| {
        let second = runtime(sleeping, 2);
        let (gate, answer, _) = answers(&second, 1);
        for _ in 0..MADE {
            let first = runtime(waking, 1);
            let opens = OpensOnDrop(Arc::clone(&gate));
            first.block_on(async {
                spawn(async move {
                    let _opens = opens;
                    std::future::pending::<()>().await;
                });
            });
            drop(first);
            answer.recv().expect("it is answered");
        }
    });
}

#[test]
fn the_wakes_of_a_task_that_panics_have_left() {
    everywhere(|waking, sleeping| {
        let (first, second) = (runtime(waking, 1), runtime(sleeping, 2));
        let (gate, answer, _) = answers(&second, 1);
        let panics = || -> () {
            first.block_on(async {
                gate.open();
                std::panic::resume_unwind(Box::new("on purpose"));
            });
        };
        for _ in 0..ROUNDS {
            catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
            answer.recv().expect("it is answered");
        }
    });
}

#[test]
fn a_call_that_blocks_begins_while_its_task_waits_on_its_thread() {
    everywhere(|waking, _| {
        runtime(waking, 1).block_on(async {
            for n in 0..ROUNDS {
                let (sender, receiver) = mpsc::channel();
                let call = spawn_blocking(move || sender.send(n));
                assert_eq!(receiver.recv(), Ok(n));
                call.await.expect("it ends").expect("it was waited for");
            }
        });
    });
}
