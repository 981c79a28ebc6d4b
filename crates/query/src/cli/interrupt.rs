//! Ctrl-C ends a query.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cutwater_shell::Failure;
use cutwater_shell::stop::Watch;
use tokio::sync::Notify;

/// How long a query at the prompt has to end before the next Ctrl-C ends the prompt with it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Waits for Ctrl-C.
#[derive(Debug)]
pub(super) struct Interrupt {
    watch: Watch,
    pressed: Arc<Notify>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        let pressed = Arc::<Notify>::default();
        let notify = Arc::clone(&pressed);
        Ok(Self { watch: Watch::start(move || notify.notify_one())?, pressed })
    }

    /// Prepares for queries that come one after the other; each has some time to end.
    pub(super) fn at_prompt(&self) {
        self.watch.expect_more_work(PATIENCE);
    }

    /// Returns when Ctrl-C was pressed.
    pub(super) async fn pressed(&self) {
        // A permit may be left of a query that ended by itself.
        while !self.watch.is_interrupted() {
            self.pressed.notified().await;
        }
    }

    /// The query has ended. At the prompt, what was pressed until now was meant for it.
    pub(super) fn query_ended(&self) {
        self.watch.forget();
    }

    /// The exit code of a command that was interrupted.
    pub(super) fn exit_code(&self) -> ExitCode {
        self.watch.exit_code().unwrap_or(ExitCode::FAILURE)
    }
}
