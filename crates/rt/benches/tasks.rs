//! What tasks, wakes and empty operations cost by themselves.
//!
//! `cargo bench -p cutwater-rt --bench tasks [-- --quick]`
//!
//! They take turns (A B C A B C). Printed are medians of the rounds ± half of the interquartile range.
//! Promised: spawning and yielding cost no more than with Tokio's executor of one thread.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Instant;

use cutwater_rt::{Backend, Path, Runtime, operation, spawn, spawn_on, yield_now};
use cutwater_sys::ring::Op;

/// Tasks that are alive together, and operations in flight.
const BATCH: usize = 64;

/// A name, and the work to measure: it runs this many times and returns how often it ran.
type Way<'a> = (&'static str, Box<dyn FnMut(usize) -> usize + 'a>);

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, times) = if quick { (3, 256) } else { (31, 16_384) };
    let one = Runtime::new().unwrap();
    // The cost when operations go around a ring in trouble.
    let cold = Runtime::new().unwrap();
    cold.force_path(Some(Path::Cold));
    let (pool, two) = (two_cores(Backend::Pool), two_cores(Backend::Auto));
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    println!(
        "with{} a ring; ns, medians of {rounds} rounds",
        if one.has_ring() { "" } else { "out" }
    );
    let mut ways: Vec<Way<'_>> = vec![
        ("spawn and join", Box::new(|n| one.block_on(spawn_all(n)))),
        ("spawn and join, tokio", Box::new(|n| tokio.block_on(spawn_all_tokio(n)))),
        ("yield", Box::new(|n| one.block_on(yield_all(n)))),
        ("yield, tokio", Box::new(|n| tokio.block_on(yield_all_tokio(n)))),
        ("wake of a task of this core", Box::new(|n| one.block_on(ping_pong(n)))),
        ("empty operation, alone", Box::new(|n| one.block_on(nops(n, 1)))),
        ("empty operation, of 64", Box::new(|n| one.block_on(nops(n, BATCH)))),
        ("the same, held on the pool", Box::new(|n| cold.block_on(nops(n / 4, BATCH)))),
        (
            "to another core and back, by ring",
            Box::new(|n| on_the_first(|| two.block_on(cores(n / 16)))),
        ),
        (
            "the same without rings, by event",
            Box::new(|n| on_the_first(|| pool.block_on(cores(n / 16)))),
        ),
        (
            "from a thread of this CPU and back",
            Box::new(|n| on_the_first(|| one.block_on(thread(n / 16)))),
        ),
    ];
    let mut ns = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, way), ns) in ways.iter_mut().zip(&mut ns) {
            let started = Instant::now();
            let done = black_box(way(times));
            ns.push(started.elapsed().as_nanos() as f64 / done as f64);
        }
    }
    for ((name, _), mut ns) in ways.iter().zip(ns) {
        ns.sort_by(f64::total_cmp);
        let at = |share: usize| ns[ns.len() * share / 4];
        println!("{name:36} {:8.0} ± {:.0}", at(2), (at(3) - at(1)) / 2.0);
    }
}

/// Each core on a CPU of its own, as the scheduler may otherwise put both on one.
fn two_cores(backend: Backend) -> Runtime {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let runtime = Runtime::options().backend(backend).cores(2).pinned(true).build().unwrap();
    // This thread is the first core of both runtimes, and must stay free for the other one.
    rustix::thread::sched_setaffinity(None, &allowed).unwrap();
    runtime
}

/// Calls `run` with this thread on the first CPU.
fn on_the_first<T>(run: impl FnOnce() -> T) -> T {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let mut first = rustix::thread::CpuSet::new();
    let cpus = 0..rustix::thread::CpuSet::MAX_CPU;
    first.set(cpus.into_iter().find(|cpu| allowed.is_set(*cpu)).unwrap());
    rustix::thread::sched_setaffinity(None, &first).unwrap();
    let value = run();
    rustix::thread::sched_setaffinity(None, &allowed).unwrap();
    value
}

async fn spawn_all(n: usize) -> usize {
    let mut sum = 0;
    for _ in 0..n / BATCH {
        let tasks: Vec<_> = (0..BATCH).map(|i| spawn(async move { black_box(i) })).collect();
        for task in tasks {
            sum += task.await.unwrap();
        }
    }
    assert_eq!(sum, n / BATCH * (BATCH * (BATCH - 1) / 2));
    n / BATCH * BATCH
}

async fn spawn_all_tokio(n: usize) -> usize {
    let mut sum = 0;
    for _ in 0..n / BATCH {
        let tasks: Vec<_> = (0..BATCH).map(|i| tokio::spawn(async move { black_box(i) })).collect();
        for task in tasks {
            sum += task.await.unwrap();
        }
    }
    assert_eq!(sum, n / BATCH * (BATCH * (BATCH - 1) / 2));
    n / BATCH * BATCH
}

/// Runs in a task on both sides, because the future of `block_on` is woken in another way.
async fn yield_all(n: usize) -> usize {
    let yields = async move {
        for _ in 0..n {
            yield_now().await;
        }
        n
    };
    spawn(yields).await.unwrap()
}

async fn yield_all_tokio(n: usize) -> usize {
    let yields = async move {
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        n
    };
    tokio::spawn(yields).await.unwrap()
}

/// Two tasks that wake each other in turn.
async fn ping_pong(n: usize) -> usize {
    let turn = Rc::new(Cell::new(0));
    let wakers: Rc<RefCell<[Option<Waker>; 2]>> = Rc::default();
    let task = |me: usize| {
        let (turn, wakers) = (Rc::clone(&turn), Rc::clone(&wakers));
        spawn(async move {
            for _ in 0..n / 2 {
                poll_fn(|cx| {
                    if turn.get() == me {
                        return Poll::Ready(());
                    }
                    wakers.borrow_mut()[me] = Some(cx.waker().clone());
                    Poll::Pending
                })
                .await;
                turn.set(1 - me);
                let other = wakers.borrow_mut()[1 - me].take();
                other.into_iter().for_each(Waker::wake);
            }
        })
    };
    let both = [task(0), task(1)];
    for task in both {
        task.await.unwrap();
    }
    n / 2 * 2
}

/// Empty operations, `width` at a time.
async fn nops(n: usize, width: usize) -> usize {
    let tasks: Vec<_> = (0..width)
        .map(|_| {
            spawn(async move {
                for _ in 0..n / width {
                    operation(Op::Nop).await.result.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    n / width * width
}

/// Whose turn it is, and who waits for it.
#[derive(Default)]
struct Token {
    turn: AtomicUsize,
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Token {
    async fn wait(&self, me: usize) {
        poll_fn(|cx| {
            let mut wakers = self.wakers.lock().unwrap();
            if self.turn.load(Ordering::Acquire) == me {
                return Poll::Ready(());
            }
            wakers[me] = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn give(&self, to: usize) {
        let waker = {
            let mut wakers = self.wakers.lock().unwrap();
            self.turn.store(to, Ordering::Release);
            wakers[to].take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

/// To another core and back; both sleep in between.
async fn cores(n: usize) -> usize {
    let token = Arc::<Token>::default();
    let task = |me: usize| {
        let token = Arc::clone(&token);
        let run = move || async move {
            for _ in 0..n {
                token.wait(me).await;
                token.give(1 - me);
            }
        };
        spawn_on(me, run).unwrap()
    };
    let both = [task(0), task(1)];
    for task in both {
        task.await.unwrap();
    }
    n
}

/// To a thread without a core and back; the thread is unparked (`futex(2)`).
async fn thread(n: usize) -> usize {
    let token = Arc::<Token>::default();
    let theirs = Arc::clone(&token);
    let thread = std::thread::spawn(move || {
        for _ in 0..n {
            while theirs.turn.load(Ordering::Acquire) != 1 {
                std::thread::park();
            }
            theirs.give(0);
        }
    });
    for _ in 0..n {
        token.wait(0).await;
        token.give(1);
        thread.thread().unpark();
    }
    thread.join().unwrap();
    n
}
