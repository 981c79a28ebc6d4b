//! What a writer of a log may choose.

/// How a log is opened for writing.
#[derive(Debug, Clone, Default)]
pub struct AppendLogOptions {
    pub(super) salvage: bool,
    pub(super) quiet: bool,
}

impl AppendLogOptions {
    /// Opens a damaged or truncated log at the price of all that comes after the first
    /// record that is not sound. Checks every record.
    #[must_use]
    pub fn salvage(mut self, yes: bool) -> Self {
        self.salvage = yes;
        self
    }

    /// Whether publishing wakes readers that sleep: one system call for each publication. On
    /// by default; without it they look again at least every
    /// [`WAIT_SLICE`](crate::append_log::WAIT_SLICE).
    #[must_use]
    pub fn wake(mut self, yes: bool) -> Self {
        self.quiet = !yes;
        self
    }
}
