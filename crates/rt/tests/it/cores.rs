//! Several cores: tasks started on each, wakes between them, and their end.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use cutwater_rt::{Aborted, Backend, Runtime, spawn_on, yield_now};

use crate::support::options;

fn everywhere(cores: usize, test: impl Fn(&Runtime)) {
    // Miri has no ring, and without the fake it waits for its own slow clock.
    let real = if cfg!(miri) { &[][..] } else { &[Backend::Ring, Backend::Pool] };
    for backend in real.iter().copied().chain([Backend::Fake(3)]) {
        match options(backend).cores(cores).build() {
            Ok(runtime) => test(&runtime),
            Err(e) => cutwater_testing::skip!("{backend:?}: {e}"),
        }
    }
}

/// A token that goes from core to core.
#[derive(Default)]
struct Token {
    at: usize,
    wakers: Vec<Option<Waker>>,
}

struct Turn {
    token: Arc<Mutex<Token>>,
    me: usize,
}

impl Future for Turn {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut token = self.token.lock().expect("nobody panics with it");
        if token.at == self.me {
            return Poll::Ready(());
        }
        token.wakers[self.me] = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn tasks_run_on_the_core_where_they_were_spawned() {
    everywhere(3, |runtime| {
        let cores = runtime.cores();
        assert_eq!(cores.count(), 3);
        let threads: HashSet<_> = runtime.block_on(async {
            let mut threads = HashSet::new();
            for number in 0..3 {
                let which = || async { std::thread::current().id() };
                let first = spawn_on(number, which).expect("there is one").await.expect("it ends");
                let second = spawn_on(number, which).expect("there is one").await.expect("it ends");
                assert_eq!(first, second);
                threads.insert(first);
            }
            assert!(spawn_on(3, || async {}).is_err());
            threads
        });
        assert_eq!(threads.len(), 3);
        assert!(threads.contains(&std::thread::current().id()));
    });
}

#[test]
fn a_token_goes_round_and_no_wake_is_lost() {
    const ROUNDS: usize = if cfg!(miri) { 30 } else { 3000 };
    everywhere(3, |runtime| {
        let token = Arc::new(Mutex::new(Token { at: 0, wakers: vec![None; 3] }));
        let run = |me: usize| {
            let token = Arc::clone(&token);
            move || async move {
                for _ in 0..ROUNDS {
                    Turn { token: Arc::clone(&token), me }.await;
                    let next = {
                        let mut token = token.lock().expect("nobody panics with it");
                        token.at = (me + 1) % 3;
                        let at = token.at;
                        token.wakers[at].take()
                    };
                    next.into_iter().for_each(Waker::wake);
                }
                ROUNDS
            }
        };
        let total: usize = runtime.block_on(async {
            let mut total = 0;
            let tasks: Vec<_> =
                (0..3).map(|n| spawn_on(n, run(n)).expect("there is one")).collect();
            for task in tasks {
                total += task.await.expect("it ends");
            }
            total
        });
        assert_eq!(total, 3 * ROUNDS);
    });
}

#[test]
fn threads_without_a_core_can_spawn_tasks() {
    const TASKS: usize = if cfg!(miri) { 20 } else { 1000 };
    everywhere(2, |runtime| {
        let cores = runtime.cores();
        let sum = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&sum);
        let thread = std::thread::spawn(move || {
            for n in 0..TASKS {
                let sum = Arc::clone(&theirs);
                let task = cores.spawn_on(n % 2, move || async move {
                    yield_now().await;
                    sum.fetch_add(n, Ordering::Relaxed);
                });
                drop(task.expect("there is one"));
            }
        });
        runtime.block_on(async {
            while sum.load(Ordering::Relaxed) < TASKS * (TASKS - 1) / 2 {
                yield_now().await;
            }
        });
        thread.join().expect("it ends");
    });
}

#[test]
fn aborted_tasks_and_tasks_of_a_dropped_runtime_end_with_an_error() {
    everywhere(2, |runtime| {
        runtime.block_on(async {
            let task = spawn_on(1, std::future::pending::<()>).expect("there is one");
            task.abort();
            assert_eq!(task.await, Err(Aborted));
        });
    });
    let backend = if cfg!(miri) { Backend::Fake(5) } else { Backend::Auto };
    let runtime = options(backend).cores(2).build().expect("it starts");
    let cores = runtime.cores();
    let dropped = Arc::new(AtomicUsize::new(0));
    struct OnDrop(Arc<AtomicUsize>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let tasks: Vec<_> = (0..2)
        .map(|n| {
            let guard = OnDrop(Arc::clone(&dropped));
            let task = cores.spawn_on(n, || async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            task.expect("there is one")
        })
        .collect();
    drop(runtime);
    assert_eq!(dropped.load(Ordering::Relaxed), 2, "tasks are dropped with their runtime");
    let late = cores.spawn_on(1, || async {}).expect("there was one");
    let other = options(backend).build().expect("it starts");
    other.block_on(async {
        for task in tasks {
            assert_eq!(task.await, Err(Aborted));
        }
        assert_eq!(late.await, Err(Aborted));
    });
}

#[test]
fn cores_that_sleep_are_woken_by_their_rings() {
    if cfg!(miri) {
        return cutwater_testing::skip!("Miri has no io_uring");
    }
    let Ok(runtime) = options(Backend::Ring).cores(2).build() else { return };
    let counters = runtime.block_on(async {
        for _ in 0..200 {
            spawn_on(1, || async {}).expect("there is one").await.expect("it ends");
        }
        runtime.cores().counters().await
    });
    assert_eq!(counters.len(), 2);
    // A sleeping core is woken once; a core that is awake is not, and on a busy host one of them may never sleep.
    assert!(counters.iter().any(|core| core.unparks > 0), "{counters:?}");
    assert!(counters[0].wakes_remote >= 100, "{counters:?}");
    let samples: u64 = counters.iter().flat_map(|c| c.delays).sum();
    assert!(samples > 0, "waits in the run queue are sampled");
}

#[test]
fn cores_that_are_pinned_have_a_cpu_each() {
    if cfg!(miri) || std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return cutwater_testing::skip!("there is one CPU");
    }
    // In a thread of its own, as the runtime keeps the building thread on one CPU.
    let cpus = std::thread::spawn(|| {
        let runtime = Runtime::options().cores(2).pinned(true).build().expect("it starts");
        let cpus = || async {
            let set = rustix::thread::sched_getaffinity(None).expect("a mask");
            (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect::<Vec<_>>()
        };
        runtime.block_on(async {
            let (first, second) = (spawn_on(0, cpus), spawn_on(1, cpus));
            let (first, second) = (first.expect("there is one"), second.expect("there is one"));
            (first.await.expect("it ends"), second.await.expect("it ends"))
        })
    });
    let (first, second) = cpus.join().expect("the runtime works");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second, "both cores are on one CPU");
}
