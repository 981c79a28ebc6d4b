//! Tasks, timers, wakes, cancellation and the end.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cutwater_rt::op::{NO_OFFSET, Op};
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{
    Aborted, Backend, Path, Runtime, linked, operation, spawn, spawn_blocking, yield_now,
};
use cutwater_testing::Dice;
use rustix::io::Errno;

use crate::support::{nothing_in_flight, on_each, options, runtime};

/// The backends to test. Miri has no ring and opens no real files.
fn backends(seed: u64) -> Vec<Backend> {
    let real = if cfg!(miri) { &[][..] } else { &[Backend::Ring, Backend::Pool] };
    real.iter().copied().chain([Backend::Fake(seed), Backend::Fake(seed + 1)]).collect()
}

/// The number of repetitions: Miri is a thousand times slower.
fn times(n: u64) -> u64 {
    if cfg!(miri) { n.div_ceil(20) } else { n }
}

fn everywhere(test: impl Fn(&Runtime)) {
    on_each(backends(1), test);
}

fn ring() -> Option<Runtime> {
    if cfg!(miri) {
        cutwater_testing::skip!("Miri has no io_uring");
        return None;
    }
    runtime(Backend::Ring)
}

fn pipe() -> (Arc<OwnedFd>, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    (Arc::new(reader), writer)
}

fn read_of(file: &Arc<OwnedFd>, n: usize) -> Op {
    Op::Read { file: Arc::clone(file), buf: vec![0; n], at: 0, offset: NO_OFFSET }
}

#[test]
fn tasks_run_and_their_values_are_joined() {
    everywhere(|runtime| {
        let sum: u64 = runtime.block_on(async {
            let tasks: Vec<_> = (0..times(1000))
                .map(|n| {
                    spawn(async move {
                        yield_now().await;
                        n
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.expect("it ends");
            }
            sum
        });
        assert_eq!(sum, (0..times(1000)).sum::<u64>());
    });
}

#[test]
fn an_aborted_task_is_dropped_and_its_handle_ends() {
    everywhere(|runtime| {
        let dropped = Rc::new(Cell::new(false));
        struct OnDrop(Rc<Cell<bool>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let guard = OnDrop(Rc::clone(&dropped));
        runtime.block_on(async {
            let task = spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            yield_now().await;
            assert!(!task.is_finished());
            task.abort();
            assert_eq!(task.await, Err(Aborted));
        });
        assert!(dropped.get());
    });
}

#[test]
fn timers_fire_in_order() {
    everywhere(|runtime| {
        let order = Rc::new(RefCell::new(Vec::new()));
        runtime.block_on(async {
            let tasks: Vec<_> = [30, 10, 20, 0]
                .into_iter()
                .map(|ms| {
                    let order = Rc::clone(&order);
                    spawn(async move {
                        sleep(Duration::from_millis(ms)).await;
                        order.borrow_mut().push(ms);
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("it ends");
            }
        });
        assert_eq!(*order.borrow(), [0, 10, 20, 30]);
    });
}

#[test]
fn virtual_time_does_not_pass_by_itself() {
    let runtime = options(Backend::Fake(1)).build().expect("a fake needs nothing");
    let started = std::time::Instant::now();
    runtime.block_on(async { sleep(Duration::from_secs(100 * 24 * 3600)).await });
    assert!(started.elapsed() < Duration::from_secs(3600), "a hundred days were waited for");
}

#[test]
fn a_timeout_ends_what_would_wait_for_ever() {
    everywhere(|runtime| {
        runtime.block_on(async {
            let limit = Duration::from_millis(5);
            assert!(timeout(limit, std::future::pending::<()>()).await.is_err());
            assert_eq!(timeout(Duration::from_secs(600), async { 7 }).await, Ok(7));
        });
    });
}

#[test]
fn other_threads_wake_tasks() {
    everywhere(|runtime| {
        let value = runtime.block_on(async {
            let mut values = Vec::new();
            for n in 0..times(50) {
                values.push(spawn_blocking(move || n * 2).await.expect("it ends"));
            }
            values
        });
        assert_eq!(value, (0..times(50)).map(|n| n * 2).collect::<Vec<_>>());
        let panicked = runtime
            .block_on(async { spawn_blocking(|| std::panic::resume_unwind(Box::new(1))).await });
        assert_eq!(panicked.map(|_: ()| ()), Err(Aborted));
    });
}

#[test]
fn a_busy_task_does_not_starve_completions() {
    let Some(runtime) = ring() else { return };
    let (reader, writer) = pipe();
    runtime.block_on(async {
        let ended = Rc::new(Cell::new(false));
        let seen = Rc::clone(&ended);
        let busy = spawn(async move {
            while !seen.get() {
                yield_now().await;
            }
        });
        rustix::io::write(&writer, b"x").expect("writes");
        assert_eq!(operation(read_of(&reader, 1)).await.result, Ok(1));
        ended.set(true);
        busy.await.expect("it ends");
    });
}

#[test]
fn a_cancelled_operation_gives_its_buffer_back() {
    let Some(runtime) = ring() else { return };
    let (reader, writer) = pipe();
    runtime.block_on(async {
        let mut op = operation(read_of(&reader, 5));
        let begun =
            std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut op).poll(cx).is_pending())).await;
        assert!(begun);
        yield_now().await;
        let mut outcome = op.cancel().await;
        assert_eq!((outcome.result, outcome.op.take_buf().len()), (Err(Errno::CANCELED), 5));
        let mut late = operation(read_of(&reader, 5)).within(Duration::from_millis(2)).await;
        assert_eq!((late.result, late.op.take_buf().len()), (Err(Errno::CANCELED), 5));
        rustix::io::write(&writer, b"abc").expect("writes");
        let mut whole = operation(read_of(&reader, 5)).within(Duration::from_secs(600)).await;
        assert_eq!((whole.result, &whole.op.take_buf()[..3]), (Ok(3), &b"abc"[..]));
    });
}

#[test]
fn with_too_many_in_flight_operations_wait_for_their_turn() {
    for backend in backends(3) {
        let Ok(runtime) = options(backend).in_flight_max(3).build() else {
            continue;
        };
        runtime.block_on(async {
            let tasks: Vec<_> =
                (0..100).map(|_| spawn(async { operation(Op::Nop).await })).collect();
            for task in tasks {
                task.await.expect("it ends");
            }
        });
        let counters = runtime.counters();
        assert!(counters.held_back > 0, "{backend:?}");
        assert_eq!(counters.in_flight, 0, "{backend:?}");
    }
}

#[test]
fn a_bound_of_one_lets_all_through_one_by_one_even_when_some_are_dropped() {
    let Ok(runtime) = options(Backend::Fake(5)).in_flight_max(1).build() else {
        return;
    };
    runtime.block_on(async {
        for n in 0..times(200) {
            let limit = Duration::from_nanos(n * 500);
            let _ = timeout(limit, operation(Op::Nop)).await;
        }
    });
    assert!(runtime.counters().in_flight <= 1);
}

/// Tasks that wait for room and are dropped must not take the wake of those that still wait.
#[test]
fn room_goes_to_a_task_that_still_waits() {
    if ring().is_none() {
        return;
    }
    let Ok(runtime) = options(Backend::Ring).in_flight_max(1).build() else {
        return;
    };
    let (reader, writer) = pipe();
    runtime.block_on(async {
        let first = spawn(async move { operation(read_of(&reader, 1)).await.result });
        yield_now().await;
        let waiting: Vec<_> =
            (0..50).map(|_| spawn(async { operation(Op::Nop).await.result })).collect();
        yield_now().await;
        waiting.iter().take(49).for_each(cutwater_rt::JoinHandle::abort);
        rustix::io::write(&writer, b"x").expect("writes");
        assert_eq!(first.await, Ok(Ok(1)));
        let last = waiting.into_iter().next_back().expect("there are 50");
        let ended = timeout(Duration::from_secs(60), last).await;
        assert_eq!(ended, Ok(Ok(Ok(0))), "it was never woken");
    });
}

/// Descriptors of this process that lead to `path`; other tests run at the same time.
fn descriptors_of(path: &std::path::Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    links.filter(|link| std::fs::read_link(link.path()).is_ok_and(|to| to == path)).count()
}

/// Operations are dropped before they start, in flight, and when they are over.
#[test]
#[cfg_attr(miri, ignore = "opens real files")]
fn dropped_operations_leave_no_descriptor_and_no_buffer_behind() {
    let runs: u64 =
        std::env::var("CUTWATER_DROPS").ok().and_then(|s| s.parse().ok()).unwrap_or(2000);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x");
    std::fs::write(&path, [1; 5000]).expect("writes");
    let c_path =
        std::ffi::CString::new(path.clone().into_os_string().into_encoded_bytes()).expect("no NUL");
    for backend in [Backend::Ring, Backend::Pool, Backend::Fake(7)] {
        let Ok(runtime) = options(backend).build() else { continue };
        let (reader, writer) = pipe();
        let mut dice = Dice::new(1);
        runtime.block_on(async {
            for run in 0..runs {
                let open = Op::Open {
                    dir: None,
                    path: c_path.clone(),
                    flags: rustix::fs::OFlags::CLOEXEC,
                    mode: rustix::fs::Mode::empty(),
                    resolve: rustix::fs::ResolveFlags::empty(),
                };
                // Only the ring can cancel a read that blocks.
                let op = if run % 2 == 0 || backend != Backend::Ring {
                    open
                } else {
                    read_of(&reader, 64)
                };
                let mut op = Box::pin(operation(op));
                for _ in 0..dice.below(4) {
                    let over =
                        std::future::poll_fn(|cx| Poll::Ready(op.as_mut().poll(cx).is_ready()))
                            .await;
                    if over {
                        break;
                    }
                    yield_now().await;
                }
            }
            // Cancelled operations end a little later.
            for _ in 0..100_000 {
                if cutwater_rt::counters().in_flight == 0 {
                    break;
                }
                sleep(Duration::from_micros(50)).await;
            }
        });
        assert_eq!(runtime.counters().in_flight, 0, "{backend:?}");
        assert_eq!(descriptors_of(&path), 0, "{backend:?}");
        drop(runtime);
        assert_eq!(Arc::strong_count(&reader), 1, "{backend:?}: an operation still has the pipe");
        drop(writer);
    }
}

/// The ring waits for the kernel before buffers are freed; a task in the middle of an operation is dropped
/// with its runtime.
#[test]
fn a_runtime_that_is_dropped_drops_everything() {
    everywhere(|_| {});
    let Some(runtime) = ring() else { return };
    let (reader, _writer) = pipe();
    let alive = Rc::new(());
    runtime.block_on(async {
        for _ in 0..100 {
            let (reader, alive) = (Arc::clone(&reader), Rc::clone(&alive));
            spawn(async move {
                let _alive = alive;
                operation(read_of(&reader, 100)).await
            });
        }
        yield_now().await;
    });
    drop(runtime);
    assert_eq!((Arc::strong_count(&reader), Rc::strong_count(&alive)), (1, 1));
}

#[test]
fn the_path_can_be_held_and_operations_take_it() {
    let Some(runtime) = ring() else { return };
    runtime.block_on(async { operation(Op::Nop).await });
    assert_eq!((runtime.path().0, runtime.counters().pooled), (Path::Hot, 0));
    runtime.force_path(Some(Path::Cold));
    let before = runtime.counters();
    runtime.block_on(async { operation(Op::Nop).await });
    let after = runtime.counters();
    assert_eq!((after.pooled - before.pooled, after.switches), (1, 1));
    runtime.force_path(None);
    runtime.block_on(async { operation(Op::Nop).await });
    assert_eq!((runtime.path().0, runtime.counters().pooled), (Path::Hot, after.pooled));
}

#[test]
fn without_a_ring_there_is_one_path_and_nothing_to_hold() {
    let Some(runtime) = runtime(Backend::Fake(1)) else { return };
    for path in [Some(Path::Hot), Some(Path::Cold), None] {
        runtime.force_path(path);
        assert_eq!(runtime.path(), (Path::Cold, None), "{path:?}");
    }
    assert_eq!(runtime.counters().switches, 0);
}

#[test]
fn a_waker_may_be_used_after_its_task_and_its_runtime_are_gone() {
    let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
    let backend = if cfg!(miri) { Backend::Fake(1) } else { Backend::Auto };
    let Ok(runtime) = options(backend).build() else { return };
    let keep = Rc::clone(&kept);
    runtime.block_on(async move {
        spawn(std::future::poll_fn(move |cx: &mut Context<'_>| {
            *keep.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        }))
        .await
        .expect("it ends");
        yield_now().await;
    });
    let waker = kept.borrow_mut().take().expect("it was kept");
    waker.wake_by_ref();
    drop(runtime);
    waker.wake();
}

#[test]
fn scheduling_over_the_fake_is_the_same_for_the_same_seed() {
    let story = |seed| {
        let runtime = options(Backend::Fake(seed)).build().expect("a fake needs nothing");
        let order = Rc::new(RefCell::new(Vec::new()));
        runtime.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|n| {
                    let order = Rc::clone(&order);
                    spawn(async move {
                        operation(Op::Nop).await;
                        order.borrow_mut().push(n);
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("it ends");
            }
        });
        order.take()
    };
    assert_eq!(story(11), story(11));
    assert_ne!(story(11), story(12));
}

#[test]
fn a_program_that_waits_for_what_can_never_happen_is_ended_over_a_failing_kernel() {
    let runtime = options(Backend::FakeFailing(1)).build().expect("a fake needs nothing");
    let stuck = runtime.try_block_on(async {
        let waits = spawn(std::future::pending::<()>());
        waits.await
    });
    let stuck = stuck.map_err(|e| e.raw_os_error());
    assert_eq!(stuck, Err(Some(Errno::DEADLK.raw_os_error())));
    assert_eq!(runtime.block_on(async { spawn_blocking(|| 7).await }), Ok(7));
    // A timer may change that.
    let late = runtime.block_on(timeout(Duration::from_secs(3600), std::future::pending::<()>()));
    assert!(late.is_err());
}

fn write_of(file: &Arc<OwnedFd>, bytes: &[u8], offset: u64) -> Op {
    Op::Write { file: Arc::clone(file), buf: bytes.to_vec(), at: 0, offset }
}

#[test]
#[cfg_attr(miri, ignore = "real files")]
fn linked_operations_are_done_in_order_and_a_failure_ends_the_chain() {
    let all = [Backend::Ring, Backend::Pool].into_iter().chain((0..30).map(Backend::Fake));
    for backend in all {
        let Ok(runtime) = options(backend).in_flight_max(4).build() else {
            cutwater_testing::skip!("{backend:?}");
            continue;
        };
        let file: Arc<OwnedFd> = Arc::new(tempfile::tempfile().expect("a file").into());
        runtime.block_on(async {
            chains_are_done_in_order(&file, backend).await;
            a_failure_ends_the_chain(&file).await;
            // An empty chain, and one that is too long, are refused and come back.
            assert!(linked(Vec::new()).await.is_empty());
            let outcomes = linked((0..17).map(|_| Op::Nop).collect()).await;
            assert_eq!(outcomes.len(), 17);
            assert!(outcomes.iter().all(|o| o.result == Err(Errno::INVAL)));
        });
        // Dropping a chain cancels it.
        if backend == Backend::Ring {
            let (reader, _writer) = pipe();
            runtime.block_on(async {
                let chain = linked(vec![read_of(&reader, 1), Op::Nop]);
                let _ = timeout(Duration::from_millis(1), chain).await;
                nothing_in_flight().await;
            });
        }
    }
}

async fn chains_are_done_in_order(file: &Arc<OwnedFd>, backend: Backend) {
    let mut whole = 0;
    for round in 0..20u8 {
        // Each overwrites the one before: only in order is the last one left.
        let ops = (0..3).map(|n| write_of(file, &[round * 10 + n; 64], 0));
        let sync = Op::Sync { file: Arc::clone(file), data_only: true };
        let outcomes = linked(ops.chain([sync]).collect()).await;
        assert_eq!(outcomes.len(), 4);
        // A fake kernel does short writes and fails: what comes after that is not started.
        let first_bad = outcomes.iter().position(|o| !o.is_whole()).unwrap_or(4);
        for late in outcomes.iter().skip(first_bad + 1) {
            assert_eq!(late.result, Err(Errno::CANCELED), "{backend:?}");
        }
        if first_bad == 4 {
            let mut seen = [0; 64];
            rustix::io::pread(file, &mut seen, 0).expect("reads");
            assert_eq!(seen, [round * 10 + 2; 64], "{backend:?}");
            whole += 1;
        }
    }
    assert!(whole > 0, "{backend:?}: some chain is done whole");
}

async fn a_failure_ends_the_chain(file: &Arc<OwnedFd>) {
    let not_for_writing = std::fs::File::open("/dev/null").expect("it is there");
    let not_for_writing = Arc::new(not_for_writing.into());
    let ops = vec![write_of(&not_for_writing, b"x", 0), write_of(file, b"never", 1000)];
    let outcomes = linked(ops).await;
    assert!(outcomes[0].result.is_err());
    assert_eq!(outcomes[1].result, Err(Errno::CANCELED));
    let file = std::fs::File::from(file.try_clone().expect("a second handle"));
    assert!(file.metadata().is_ok_and(|m| m.len() < 1000));
}

/// A wake of the bridge's thread must not stay until the ring's next submission, as the task waits for that
/// thread. `blocking.rs` has this for other ways of waiting.
#[test]
fn a_task_that_drops_a_bridge_does_not_wait_for_ever() {
    if ring().is_none() {
        return;
    }
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let bridge = cutwater_rt::bridge::Bridge::new().expect("a bridge");
            // The thread nearly always sleeps by then; otherwise it needs no wake.
            std::thread::sleep(Duration::from_millis(50));
            drop(bridge);
        });
        let _ = sender.send(());
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(()), "it waits for a wake");
}

#[test]
fn a_sleep_that_never_ends_does_not_keep_the_core_awake() {
    // With a virtual clock there is nothing to wait for.
    for backend in backends(1).into_iter().filter(|b| !matches!(b, Backend::Fake(_))) {
        let Ok(runtime) = options(backend).build() else { continue };
        for long in [Duration::MAX, Duration::from_secs(u64::from(u32::MAX) * 4)] {
            let before = runtime.counters().enters;
            runtime.block_on(async {
                let asleep = spawn(sleep(long));
                let other = || std::thread::sleep(Duration::from_millis(30));
                spawn_blocking(other).await.expect("it ends");
                assert!(!asleep.is_finished(), "{backend:?}: {long:?}");
                asleep.abort();
            });
            let enters = runtime.counters().enters - before;
            assert!(enters < 100, "{backend:?}: {long:?}: {enters} calls to wait");
            assert_eq!(runtime.path().1, None, "{backend:?}: {long:?}");
        }
    }
}
