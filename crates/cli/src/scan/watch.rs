//! What watches a pass from beside it: the progress bar, and Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cutwater_logs::split::Stop as Pass;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stop::Stop;

/// How often to look: soon enough for a finger, too seldom to cost anything.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends a pass on the first Ctrl-C, and the program on the second.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) pass: Arc<Pass>,
    signals: Stop,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches from now on; with a bar over `bytes_total` where it is given.
    pub(super) fn start(bytes_total: Option<u64>) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| Failure::new("cannot watch for Ctrl-C").because(e);
        let armed = Arc::new(AtomicBool::new(false));
        // First, as a signal that finds only what follows would be lost.
        let signals = Stop::on_signals().map_err(failed)?;
        for (signal, status) in [(SIGINT, 130), (SIGTERM, 143)] {
            let armed = Arc::clone(&armed);
            signal_hook::flag::register_conditional_shutdown(signal, status, armed)
                .map_err(failed)?;
        }
        let (pass, done) = (Arc::<Pass>::default(), Arc::<AtomicBool>::default());
        let mut watch = Self { pass, signals, done, thread: None };
        let (pass, done) = (Arc::clone(&watch.pass), Arc::clone(&watch.done));
        let signals = watch.signals.clone();
        let look = move || {
            let bar = bytes_total.map(Progress::scan);
            while !done.load(Ordering::Relaxed) {
                if signals.is_set() {
                    armed.store(true, Ordering::Relaxed);
                    pass.stop();
                }
                if let Some(bar) = &bar {
                    bar.at(pass.bytes());
                }
                thread::park_timeout(LOOK_EVERY);
            }
        };
        watch.thread =
            Some(thread::Builder::new().name("watch".into()).spawn(look).map_err(failed)?);
        Ok(watch)
    }

    /// Whether it is time to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.signals.is_set()
    }

    /// The exit code of an interrupted command.
    pub(super) fn interrupted(&self) -> Option<std::process::ExitCode> {
        self.signals.exit_code()
    }

    /// Takes the bar away; what follows is printed.
    pub(super) fn finish(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic; and if it did, the bar would be all that is lost.
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.finish();
    }
}
