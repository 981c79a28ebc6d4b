//! A bar on a terminal, and nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// The bar; it goes away when dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of a file that is being written.
    pub(crate) fn bytes(total: u64, what: &'static str) -> Self {
        Self::new(total, "{msg} {wide_bar} {bytes}/{total_bytes}", what)
    }

    /// Of a pass over logs; with no total, where a stream is among them, only what was read.
    pub(crate) fn scan(total: u64) -> Self {
        if total == 0 {
            return Self::new(0, "{spinner} {bytes} {bytes_per_sec}", "");
        }
        Self::new(total, "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left", "")
    }

    /// Of passes over cells.
    pub(crate) fn passes(total: u64) -> Self {
        Self::new(total, "{wide_bar} {pos}/{len} {eta} left, {msg}", "")
    }

    /// Of time.
    pub(crate) fn milliseconds(total: u64) -> Self {
        Self::new(total, "{wide_bar} {elapsed} of the time", "")
    }

    fn new(total: u64, template: &str, what: &'static str) -> Self {
        // On standard error; indicatif draws nothing there when it is no terminal.
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    pub(crate) fn one_more(&self) {
        self.0.inc(1);
    }

    pub(crate) fn doing(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// Runs `print` while the bar is out of the way.
    pub(crate) fn suspended<R>(&self, print: impl FnOnce() -> R) -> R {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
