//! The threads of the engine, as far as the system lets them be started.

use std::sync::{Arc, RwLock};
use std::thread;

use cutwater_shell::{Failure, note};
use tokio::runtime::{Builder, Runtime};

/// A runtime of up to `wanted` threads, and how many threads it has. The runtime panics where the system
/// refuses one of its threads, so they are tried first. One thread is left for work that waits for a device.
///
/// # Errors
/// When the runtime cannot be made.
pub(super) fn runtime(wanted: usize) -> Result<(Runtime, usize), Failure> {
    let started = started(wanted + 1);
    let threads = started.saturating_sub(1).min(wanted);
    if threads < wanted {
        let missing = wanted - threads;
        let left = threads.max(1);
        note(&format!("{missing} threads could not be started, so the query runs on {left}"));
    }
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let built = builder.worker_threads(threads.max(1)).enable_all().build();
    let runtime = built.map_err(|e| Failure::new("cannot start the query engine").because(e))?;
    Ok((runtime, threads.max(1)))
}

/// How many of `wanted` threads can be started at once.
fn started(wanted: usize) -> usize {
    // All wait until the last was tried.
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write();
    let waiter = || {
        let gate = Arc::clone(&gate);
        thread::Builder::new().spawn(move || drop(gate.read()))
    };
    let threads: Vec<_> = (0..wanted).map_while(|_| waiter().ok()).collect();
    drop(closed);
    let count = threads.len();
    for thread in threads {
        // It does nothing that fails.
        let _ = thread.join();
    }
    count
}
