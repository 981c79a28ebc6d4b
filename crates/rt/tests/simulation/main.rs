//! A whole program over a simulated kernel: a server with files and sockets, its clients, and what goes wrong.
//! One seed repeats one history. In a process of its own, because it counts the descriptors of the process.
//!
//! `CUTWATER_SIMULATIONS` says how many histories (300), `CUTWATER_SEED` the first seed.
#![allow(clippy::print_stdout, reason = "it prints its seeds")]

mod bridge;
mod clients;
mod http;
mod server;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use cutwater_rt::time::{now, sleep, timeout};
use cutwater_rt::{Backend, Runtime, counters, spawn};
use cutwater_testing::{Dice, wait_until};

use clients::Clients;
use server::Server;

/// Bytes of the file that is served; each follows from its offset.
const FILE_BYTES: usize = 50_000;

/// Virtual time after which a history is taken to hang.
const LIMIT: Duration = Duration::from_secs(100 * 24 * 3600);

/// Real time after which something is taken to be left.
const REAL_LIMIT: Duration = Duration::from_secs(10);

/// The byte of the served file at `offset`.
fn byte(offset: usize) -> u8 {
    (offset * 31 % 251) as u8
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// What a history was.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    history: Option<u64>,
    answers: u64,
    errors: u64,
    log: Vec<u8>,
}

/// One seed: what goes wrong, and how much.
struct Case {
    seed: u64,
    fails: bool,
    /// The virtual time at which all is dropped in the middle of its work.
    killed: Option<Duration>,
    in_flight_max: usize,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let fails = dice.below(2) == 0;
        let killed = (dice.below(4) == 0).then(|| Duration::from_micros(dice.below(20_000)));
        let in_flight_max = [1, 2, 5, 4096][dice.below(4) as usize];
        Self { seed, fails, killed, in_flight_max }
    }

    fn runtime(&self) -> Runtime {
        let backend = match self.fails {
            true => Backend::FakeFailing(self.seed),
            false => Backend::Fake(self.seed),
        };
        let options = Runtime::options().backend(backend).in_flight_max(self.in_flight_max);
        options.build().expect("a simulated kernel needs nothing")
    }
}

/// Nothing is in flight, a little after the last task has ended.
async fn all_ends() {
    for _ in 0..100_000 {
        if counters().in_flight == 0 {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("operations are left: {:?}", counters());
}

/// A server and its clients, in `dir`.
async fn serves(case: &Case, dir: &Path) -> (u64, u64) {
    let server = Server::start(dir).await;
    let clients = Clients::start(case, dir);
    // Timers end in order, and never before their time.
    let watch = spawn(async {
        for _ in 0..20 {
            let at = now();
            sleep(Duration::from_micros(300)).await;
            assert!(now() >= at + Duration::from_micros(300), "a timer that is early");
        }
    });
    let counts = clients.ended().await;
    watch.await.expect("no panic");
    server.end().await;
    all_ends().await;
    counts.check(dir);
    (counts.answers, counts.errors)
}

fn run(case: &Case) -> Story {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    std::fs::write(path, (0..FILE_BYTES).map(byte).collect::<Vec<_>>()).expect("writes");
    let before = descriptors();
    let runtime = case.runtime();
    let alive = Rc::new(());
    let kept = Rc::clone(&alive);
    let ended = runtime.try_block_on(async {
        spawn(async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        let limit = case.killed.unwrap_or(LIMIT);
        timeout(limit, serves(case, dir.path())).await
    });
    let history = runtime.history();
    drop(runtime);
    assert_eq!(Rc::strong_count(&alive), 1, "a task is left");
    // A closure on another thread may not have ended yet, and its waker keeps the core's event.
    wait_until("descriptors are left", REAL_LIMIT, || descriptors() == before);
    let (answers, errors) = match (ended.expect("no deadlock"), case.killed) {
        (Ok(counts), _) => counts,
        (Err(_), Some(_)) => (0, 0),
        (Err(_), None) => panic!("it hangs"),
    };
    let log = std::fs::read(dir.path().join("log")).unwrap_or_default();
    Story { history, answers, errors, log }
}

/// Runs each seed; a failure names it.
fn each_seed(name: &str, seeds: u64, test: impl Fn(u64)) {
    let first = number("CUTWATER_SEED", 1);
    for seed in first..first + seeds {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(seed)));
        if let Err(panic) = run {
            println!("{name}: CUTWATER_SEED={seed} CUTWATER_SIMULATIONS=1 repeats this");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{name}: {seeds} histories from seed {first} on");
}

/// In one test, so that no other changes the number of descriptors.
#[test]
fn simulated_histories() {
    let seeds = number("CUTWATER_SIMULATIONS", 300);
    let totals = std::cell::Cell::new((0, 0));
    each_seed("a server", seeds, |seed| {
        let case = Case::new(seed);
        let story = run(&case);
        let (answers, errors) = totals.get();
        totals.set((answers + story.answers, errors + story.errors));
        assert!(case.fails || story.errors == 0, "{} errors", story.errors);
    });
    println!("answers and errors: {:?}", totals.get());
    assert!(totals.get().0 > 0 || seeds < 10, "nothing was answered");
    each_seed("a server, twice", (seeds / 10).clamp(1, 100), |seed| {
        let case = Case::new(seed);
        assert!(run(&case) == run(&case), "one seed has two histories");
    });
    each_seed("HTTP", (seeds / 3).max(1), |seed| http::run(&Case::new(seed)));
    let done = std::cell::Cell::new(0);
    each_seed("a bridge", (seeds / 3).max(1), |seed| done.set(done.get() + bridge::run(seed)));
    println!("operations over the bridge: {}", done.get());
    assert!(done.get() > 0 || seeds < 10, "nothing was done");
}
