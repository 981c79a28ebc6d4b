//! Ctrl-C: the first ends the query, and a second one, before that has ended, the program.
//!
//! A thread of its own looks whether somebody pressed it: those of the engine may all be busy.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cutwater_query::Failure;
use signal_hook::consts::SIGINT;
use tokio::sync::Notify;

/// How often to look: soon enough for a finger.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits for Ctrl-C.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    pressed: Arc<Notify>,
    ending: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new(format!("cannot watch for Ctrl-C: {e}"));
        let (pressed, ending) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let flag = Arc::new(AtomicBool::new(false));
        let status = i32::from(super::INTERRUPTED);
        signal_hook::flag::register_conditional_shutdown(SIGINT, status, Arc::clone(&ending))
            .map_err(failed)?;
        signal_hook::flag::register(SIGINT, Arc::clone(&flag)).map_err(failed)?;
        let (notify, armed) = (Arc::clone(&pressed), Arc::clone(&ending));
        let look = move || {
            // It ends with the process.
            loop {
                if flag.swap(false, Ordering::Relaxed) {
                    armed.store(true, Ordering::Relaxed);
                    notify.notify_one();
                }
                thread::sleep(LOOK_EVERY);
            }
        };
        thread::Builder::new().name("ctrl-c".into()).spawn(look).map_err(failed)?;
        Ok(Self { pressed, ending })
    }

    /// Comes back when it was pressed.
    pub(super) async fn pressed(&self) {
        self.pressed.notified().await;
    }

    /// The query has ended, one way or another.
    pub(super) fn over(&self) {
        self.ending.store(false, Ordering::Relaxed);
    }
}
