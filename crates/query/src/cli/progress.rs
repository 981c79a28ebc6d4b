//! How far a query is, on a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use cutwater_query::Counters;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Nothing is shown for what is over by then.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// A bar over the bytes read; gone when this is.
pub(super) struct Progress {
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Progress {
    /// Shows the bar when it has taken a while; nothing where no terminal would show it.
    pub(super) fn start(seen: Arc<Counters>, bytes_total: u64, quiet: bool) -> Option<Self> {
        if quiet || !std::io::stderr().is_terminal() || bytes_total == 0 {
            return None;
        }
        let template = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).ok()?;
        let bar = ProgressBar::new(bytes_total).with_style(style);
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(SHOWN_AFTER).await;
            loop {
                shown.set_position(seen.bytes().min(bytes_total));
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Some(Self { bar, task })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}
