//! A thread that watches for Ctrl-C: the first ends the work, and the next the program.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;

use super::{Stop, signals};
use crate::{Failure, note};

/// How often to look: soon enough for a finger, too seldom to cost anything.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Watches for SIGINT, SIGTERM and SIGHUP until it is dropped.
///
/// It has a thread of its own, because all working threads may be busy.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: Stop,
    /// While they are set, the next signal ends the program.
    exit_on_sigint: Arc<AtomicBool>,
    /// Of SIGTERM and SIGHUP.
    exit_on_others: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the signal was first seen.
    since: Option<Instant>,
    /// How long after that the next signal ends the program.
    patience: Duration,
}

impl Watch {
    /// Watches from now on. The first signal makes the watch call `interrupt`, and call it again and
    /// again until the signal is forgotten. The next one ends the program. Where no thread can be started, that
    /// is noted, and the first one ends the program.
    ///
    /// # Errors
    /// When a signal handler cannot be installed.
    pub fn start(mut interrupt: impl FnMut() + Send + 'static) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new("cannot watch for Ctrl-C").because(e);
        // The flag comes first: a signal that met only the handlers below would be lost.
        let stop = Stop::on_signals().map_err(failed)?;
        let shared = Arc::new(Shared { stop, ..Shared::default() });
        for signal in signals() {
            let is_sigint = signal == SIGINT;
            let armed = if is_sigint { &shared.exit_on_sigint } else { &shared.exit_on_others };
            let status = 128 + signal;
            signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(armed))
                .map_err(failed)?;
        }
        let done = Arc::<AtomicBool>::default();
        let (looking, over) = (Arc::clone(&shared), Arc::clone(&done));
        let look = move || {
            while !over.load(Ordering::Relaxed) {
                if looking.look(Instant::now()) {
                    interrupt();
                }
                thread::park_timeout(LOOK_EVERY);
            }
        };
        let thread = thread::Builder::new().name("ctrl-c".into()).spawn(look);
        if let Err(e) = &thread {
            shared.exit_on_sigint.store(true, Ordering::Relaxed);
            shared.exit_on_others.store(true, Ordering::Relaxed);
            note(&format!("Ctrl-C ends the program at once, as no thread can be started: {e}"));
        }
        Ok(Self { shared, done, thread: thread.ok() })
    }

    /// Whether there was a signal that was not forgotten.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.shared.stop.is_set()
    }

    /// The exit code of a command that a signal ended.
    #[must_use]
    pub fn exit_code(&self) -> Option<ExitCode> {
        self.shared.stop.exit_code()
    }

    /// From now on there is one piece of work after the other, as at a prompt. Each has `patience`
    /// to end before the next Ctrl-C ends the program: a finger that stays on the keys must not
    /// cost a user the session. SIGTERM and SIGHUP end the program at once.
    pub fn expect_more_work(&self, patience: Duration) {
        self.shared.state().patience = patience;
        self.shared.exit_on_others.store(true, Ordering::Relaxed);
        self.forget();
    }

    /// Forgets the signal, which was meant for the work that has just ended. Without
    /// [`expect_more_work`](Self::expect_more_work) it is kept, because it ends all work.
    pub fn forget(&self) {
        self.shared.forget();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // If it panicked, there is nothing left that it could do.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while holding it left nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was a signal; arms the exit on the next one.
    fn look(&self, now: Instant) -> bool {
        let mut state = self.state();
        if !self.stop.is_set() {
            return false;
        }
        let since = *state.since.get_or_insert(now);
        if now.duration_since(since) >= state.patience {
            self.exit_on_sigint.store(true, Ordering::Relaxed);
            self.exit_on_others.store(true, Ordering::Relaxed);
        }
        true
    }

    fn forget(&self) {
        let mut state = self.state();
        if state.patience.is_zero() {
            return;
        }
        state.since = None;
        self.stop.clear();
        self.exit_on_sigint.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn shared(patience: Duration) -> Shared {
        Shared { state: Mutex::new(State { since: None, patience }), ..Shared::default() }
    }

    fn press(shared: &Shared) {
        shared.stop.0.store(SIGINT as usize, Ordering::Relaxed);
    }

    fn exits_on_the_next(shared: &Shared) -> bool {
        shared.exit_on_sigint.load(Ordering::Relaxed)
    }

    #[test]
    fn the_next_one_ends_the_program_at_once_where_there_is_one_piece_of_work() {
        let (shared, now) = (shared(Duration::ZERO), Instant::now());
        assert!(!shared.look(now) && !exits_on_the_next(&shared));
        press(&shared);
        assert!(shared.look(now) && exits_on_the_next(&shared));
        shared.forget();
        assert!(shared.look(now), "it ends all work");
    }

    #[test]
    fn at_a_prompt_work_has_some_time_to_end() {
        let (shared, now) = (shared(PATIENCE), Instant::now());
        for at in [0, 1, 2999] {
            press(&shared);
            assert!(shared.look(now + Duration::from_millis(at)));
            assert!(!exits_on_the_next(&shared), "after {at} ms");
        }
        shared.look(now + PATIENCE);
        assert!(exits_on_the_next(&shared));
    }

    #[test]
    fn what_was_pressed_for_one_piece_of_work_does_not_end_the_next() {
        let (shared, now) = (shared(PATIENCE), Instant::now());
        press(&shared);
        assert!(shared.look(now));
        press(&shared);
        shared.forget();
        assert!(!shared.look(now + PATIENCE) && !exits_on_the_next(&shared));
    }
}
