//! The protocol between a core and other threads under every interleaving that the memory model allows:
//! `RUSTFLAGS="--cfg loom" cargo test -p cutwater-rt --test loom --release`.
//!
//! It is a program of its own, because it is built only with `--cfg loom`, and the other tests only without.
//! Each model runs with the fences of `driver/parking.rs`, and again without them, where it must fail: this
//! shows that the tests can find the faults.
#![cfg(loom)]

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// Loom's, with a store that is a swap. Loom has no single order of all writes to an atomic: a thread may
/// read a swap's `false` after a later store of `true`, though the swap follows right after the store that
/// it read. Only swaps are kept in one order.
#[derive(Debug)]
struct AtomicBool(loom::sync::atomic::AtomicBool);

impl AtomicBool {
    fn new(value: bool) -> Self {
        Self(loom::sync::atomic::AtomicBool::new(value))
    }

    fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    fn store(&self, value: bool, order: Ordering) {
        self.0.swap(value, order);
    }

    fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.swap(value, order)
    }
}

#[path = "."]
mod fenced {
    mod atomics {
        pub(super) use loom::sync::atomic::{Ordering, fence};

        pub(super) use crate::AtomicBool;
    }
    #[path = "../src/driver/parking.rs"]
    pub(super) mod parking;
}

#[path = "."]
mod unfenced {
    mod atomics {
        pub(super) use loom::sync::atomic::Ordering;

        pub(super) use crate::AtomicBool;

        pub(super) fn fence(_: Ordering) {}
    }
    #[path = "../src/driver/parking.rs"]
    pub(super) mod parking;
}

/// `eventfd(2)`: a wait ends when the event was written, also before the wait, and resets it.
struct Event {
    written: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    fn new() -> Self {
        Self { written: Mutex::new(false), changed: Condvar::new() }
    }

    fn write(&self) {
        *self.written.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut written = self.written.lock().unwrap();
        while !*written {
            written = self.changed.wait(written).unwrap();
        }
        *written = false;
    }
}

/// The most preemptions, where there are three threads. Without a bound the interleavings take more than
/// a day, and faults of this kind need two or three preemptions.
const PREEMPTIONS_MAX: usize = 3;

/// The models, for either form of the protocol. Queues are counters: pushes release and looks acquire,
/// which is less than the real queues promise.
macro_rules! models {
    ($form:ident) => {
        pub(crate) mod $form {
            use super::*;
            use crate::$form::parking::Parking;

            struct Core {
                parking: Parking,
                queue: AtomicUsize,
                event: Event,
                unparks: AtomicUsize,
            }

            impl Core {
                fn new() -> Arc<Self> {
                    Arc::new(Self {
                        parking: Parking::new(),
                        queue: AtomicUsize::new(0),
                        event: Event::new(),
                        unparks: AtomicUsize::new(0),
                    })
                }

                fn push(&self) {
                    self.queue.fetch_add(1, Ordering::Release);
                }
            }

            /// A core takes what `threads` push, one each, and sleeps in between; loom reports
            /// a core that sleeps for ever.
            pub(crate) fn no_wake_is_lost(threads: usize) {
                let mut model = loom::model::Builder::new();
                model.preemption_bound = if threads > 1 { Some(PREEMPTIONS_MAX) } else { None };
                model.check(move || {
                    let core = Core::new();
                    let pushing: Vec<_> = (0..threads)
                        .map(|_| {
                            let core = Arc::clone(&core);
                            thread::spawn(move || {
                                core.push();
                                if core.parking.must_wake() {
                                    core.unparks.fetch_add(1, Ordering::Relaxed);
                                    core.event.write();
                                }
                            })
                        })
                        .collect();
                    let (mut taken, mut tried) = (0, 0);
                    while taken < threads {
                        taken += core.queue.swap(0, Ordering::Acquire);
                        let idle = || core.queue.load(Ordering::Acquire) == 0;
                        if taken < threads {
                            tried += 1;
                            if core.parking.may_sleep(idle) {
                                core.event.wait();
                            }
                        }
                        core.parking.awake();
                    }
                    pushing.into_iter().for_each(|thread| thread.join().unwrap());
                    let unparks = core.unparks.load(Ordering::Relaxed);
                    assert!(unparks <= tried, "woken {unparks} times, asleep {tried} times");
                });
            }

            /// What is given to a core that ends is dropped, by the core or by the giver.
            pub(crate) fn nothing_is_left_behind() {
                loom::model(|| {
                    let core = Core::new();
                    let giving = {
                        let core = Arc::clone(&core);
                        thread::spawn(move || {
                            core.queue.store(1, Ordering::Release);
                            if core.parking.too_late() {
                                core.queue.swap(0, Ordering::Acquire);
                            }
                        })
                    };
                    core.parking.end();
                    if core.queue.load(Ordering::Acquire) > 0 {
                        core.queue.swap(0, Ordering::Acquire);
                    }
                    giving.join().unwrap();
                    assert_eq!(core.queue.load(Ordering::Acquire), 0, "it was left behind");
                });
            }
        }
    };
}

mod models {
    use super::*;
    models!(fenced);
    models!(unfenced);
}

#[test]
fn no_wake_of_one_thread_is_lost() {
    models::fenced::no_wake_is_lost(1);
}

#[test]
fn no_wake_of_two_threads_is_lost() {
    models::fenced::no_wake_is_lost(2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fences_a_wake_is_lost() {
    models::unfenced::no_wake_is_lost(1);
}

#[test]
fn what_is_given_to_a_core_that_ends_is_dropped() {
    models::fenced::nothing_is_left_behind();
}

#[test]
#[should_panic(expected = "left behind")]
fn without_the_fences_something_is_left_behind() {
    models::unfenced::nothing_is_left_behind();
}
