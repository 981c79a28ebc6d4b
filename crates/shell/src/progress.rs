//! A progress bar on a terminal, and nothing elsewhere.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often [`Reading`] looks how far the reading is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A bar of [`Reading`] appears after this time: quick work needs none.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// A bar that the caller moves; it disappears when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Counts the bytes of a file that is being written.
    #[must_use]
    pub fn bytes(total: u64, what: &'static str) -> Self {
        Self::new(total, "{msg} {wide_bar} {bytes}/{total_bytes}", what)
    }

    /// Counts passes over cells.
    #[must_use]
    pub fn passes(total: u64) -> Self {
        Self::new(total, "{wide_bar} {pos}/{len} {eta} left, {msg}", "")
    }

    /// Counts milliseconds.
    #[must_use]
    pub fn milliseconds(total: u64) -> Self {
        Self::new(total, "{wide_bar} {elapsed} of the time", "")
    }

    fn new(total: u64, template: &str, what: &'static str) -> Self {
        // On standard error; indicatif draws nothing there unless it is a terminal.
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    /// Moves the bar to `done` of its total.
    pub fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Moves the bar by one.
    pub fn one_more(&self) {
        self.0.inc(1);
    }

    /// Shows what is being done.
    pub fn doing(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// Calls `print` while the bar is out of the way.
    pub fn suspended<R>(&self, print: impl FnOnce() -> R) -> R {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar over bytes that are read, moved by a thread of its own; it disappears when dropped.
#[derive(Debug)]
pub struct Reading {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Shows how much of `total` bytes `read` says were read. A `total` of 0 means that it is not
    /// known.
    ///
    /// Returns `None` if no terminal would show it, or no thread can be started.
    pub fn start(total: u64, read: impl Fn() -> u64 + Send + 'static) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let done = Arc::<AtomicBool>::default();
        let over = Arc::clone(&done);
        let draw = move || {
            thread::park_timeout(SHOWN_AFTER);
            let bar = (!over.load(Ordering::Relaxed)).then(|| bar_over(total));
            while !over.load(Ordering::Relaxed) {
                let read = read();
                bar.iter().for_each(|bar| bar.at(if total == 0 { read } else { read.min(total) }));
                thread::park_timeout(LOOK_EVERY);
            }
        };
        let thread = thread::Builder::new().name("progress".into()).spawn(draw).ok()?;
        Some(Self { done, thread: Some(thread) })
    }
}

fn bar_over(total: u64) -> Progress {
    if total == 0 {
        return Progress::new(0, "{spinner} {bytes} {bytes_per_sec}", "");
    }
    Progress::new(total, "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left", "")
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic; and if it did, only the bar would be lost.
            let _ = thread.join();
        }
    }
}
