//! Ctrl-C: the first ends the query, and one more, where that does not help, the program.
//!
//! A thread of its own looks whether somebody pressed it: those of the engine may all be busy.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cutwater_query::Failure;
use signal_hook::consts::SIGINT;
use tokio::sync::Notify;

/// How often to look: soon enough for a finger.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a query at the prompt has to end before one more Ctrl-C ends the prompt with it: a
/// finger that stays on the keys, or a busy machine, shall not cost somebody the session.
const PATIENCE: Duration = Duration::from_secs(3);

/// Waits for Ctrl-C.
#[derive(Debug, Clone)]
pub(super) struct Interrupt(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Set by the signal.
    flag: Arc<AtomicBool>,
    /// While it is set, the signal ends the program.
    ending: Arc<AtomicBool>,
    pressed: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When it was pressed for the query in hand.
    since: Option<Instant>,
    /// How long after that one more ends the program.
    patience: Duration,
}

impl Interrupt {
    /// Listens from now on; one more ends the program at once.
    pub(super) fn listen() -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new(format!("cannot watch for Ctrl-C: {e}"));
        let shared = Arc::new(Shared {
            flag: Arc::default(),
            ending: Arc::default(),
            pressed: Notify::new(),
            state: Mutex::new(State { since: None, patience: Duration::ZERO }),
        });
        // First, as a signal that finds only what follows would be lost.
        signal_hook::flag::register(SIGINT, Arc::clone(&shared.flag)).map_err(failed)?;
        let status = i32::from(super::INTERRUPTED);
        signal_hook::flag::register_conditional_shutdown(
            SIGINT,
            status,
            Arc::clone(&shared.ending),
        )
        .map_err(failed)?;
        let looking = Arc::clone(&shared);
        let look = move || {
            // It ends with the process.
            loop {
                looking.look(Instant::now());
                thread::sleep(LOOK_EVERY);
            }
        };
        thread::Builder::new().name("ctrl-c".into()).spawn(look).map_err(failed)?;
        Ok(Self(shared))
    }

    /// From now on queries come one after the other, and each has some time to end.
    pub(super) fn at_prompt(&self) {
        self.0.state().patience = PATIENCE;
        self.over();
    }

    /// Comes back when it was pressed.
    pub(super) async fn pressed(&self) {
        // A notice may be left of a query that ended by itself.
        while self.0.state().since.is_none() {
            self.0.pressed.notified().await;
        }
    }

    /// The query has ended, one way or another. At the prompt, what was pressed until now was
    /// meant for it; of several queries given at once, it ends all.
    pub(super) fn over(&self) {
        let mut state = self.0.state();
        if state.patience.is_zero() {
            return;
        }
        state.since = None;
        self.0.flag.store(false, Ordering::Relaxed);
        self.0.ending.store(false, Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, now: Instant) {
        let mut state = self.state();
        if self.flag.swap(false, Ordering::Relaxed) {
            state.since.get_or_insert(now);
            self.pressed.notify_one();
        }
        if state.since.is_some_and(|since| now.duration_since(since) >= state.patience) {
            self.ending.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(patience: Duration) -> Shared {
        Shared {
            flag: Arc::default(),
            ending: Arc::default(),
            pressed: Notify::new(),
            state: Mutex::new(State { since: None, patience }),
        }
    }

    fn ends(shared: &Shared) -> bool {
        shared.ending.load(Ordering::Relaxed)
    }

    #[test]
    fn one_more_ends_the_program_at_once_where_there_is_one_query() {
        let (shared, now) = (shared(Duration::ZERO), Instant::now());
        shared.look(now);
        assert!(!ends(&shared));
        shared.flag.store(true, Ordering::Relaxed);
        shared.look(now);
        assert!(ends(&shared));
    }

    #[test]
    fn at_the_prompt_a_query_has_some_time_to_end() {
        let (shared, now) = (shared(PATIENCE), Instant::now());
        for at in [0, 1, 2999] {
            shared.flag.store(true, Ordering::Relaxed);
            shared.look(now + Duration::from_millis(at));
            assert!(!ends(&shared), "after {at} ms");
        }
        shared.look(now + PATIENCE);
        assert!(ends(&shared));
    }

    #[tokio::test]
    async fn what_was_pressed_for_one_query_does_not_end_the_next() {
        let (shared, now) = (shared(PATIENCE), Instant::now());
        let interrupt = Interrupt(Arc::new(shared));
        interrupt.0.flag.store(true, Ordering::Relaxed);
        interrupt.0.look(now);
        interrupt.0.flag.store(true, Ordering::Relaxed);
        interrupt.over();
        interrupt.0.look(now + PATIENCE);
        assert!(!ends(&interrupt.0));
        let next = tokio::select! {
            biased;
            () = interrupt.pressed() => "ended",
            () = tokio::task::yield_now() => "runs",
        };
        assert_eq!(next, "runs");
    }
}
