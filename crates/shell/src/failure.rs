//! How a command fails: a message on standard error with its causes, and an exit code.

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use crate::note;
use crate::words::printable;

/// Why a command could not go on.
#[derive(Debug, Clone)]
pub struct Failure {
    fault: Fault,
    message: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The work failed: exit code 1.
    Work,
    /// The arguments are wrong: exit code 2, as clap has it.
    Usage,
    /// The reader of our output went away (`cutwater ... | head`): not an error.
    ClosedOutput,
    /// A signal ended the work before it was done: its exit code.
    Stopped(u8),
}

impl Failure {
    /// The work failed, for the reason that `message` gives.
    pub fn new(message: impl Into<String>) -> Self {
        Self { fault: Fault::Work, message: message.into(), cause: None }
    }

    /// The arguments, or the query, make no sense here.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { fault: Fault::Usage, message: message.into(), cause: None }
    }

    /// The output could not be written.
    pub fn output(error: impl Borrow<io::Error>) -> Self {
        let error = error.borrow();
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        let fault = if closed { Fault::ClosedOutput } else { Fault::Work };
        Self { fault, message: format!("cannot write the output: {error}"), cause: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same failure, blamed on the arguments.
    #[must_use]
    pub fn into_usage(self) -> Self {
        Self { fault: Fault::Usage, ..self }
    }

    /// The same failure, of work that a signal has ended; `code` is the exit code that stands for it.
    #[must_use]
    pub(crate) fn stopped(self, code: u8) -> Self {
        Self { fault: Fault::Stopped(code), ..self }
    }

    /// Whether the arguments are wrong, so that nothing was done.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.fault == Fault::Usage
    }

    /// The code to exit with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.fault {
            Fault::ClosedOutput => 0,
            Fault::Work => 1,
            Fault::Usage => 2,
            Fault::Stopped(code) => code,
        }
    }

    /// Prints the failure, unless the reader of the output went away, and returns the exit code.
    pub fn report(self) -> ExitCode {
        if self.fault != Fault::ClosedOutput {
            note(&self.to_string());
        }
        ExitCode::from(self.exit_code())
    }
}

impl fmt::Display for Failure {
    /// The message, then each cause; a cause that the text before it contains is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut before = self.message.clone();
        let mut next = self.cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !before.contains(&text) {
                write!(f, ": {text}")?;
                before = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

/// [`Error::source`] gives nothing, because the text of a failure contains its causes.
impl Error for Failure {}

impl From<cutwater::Error> for Failure {
    fn from(error: cutwater::Error) -> Self {
        // It names a file, and must stay one line whatever the name contains.
        let message = printable(error.to_string().as_bytes());
        let cause = error.source().map(|cause| Arc::from(Box::from(cause.to_string())));
        Self { fault: Fault::Work, message, cause }
    }
}

impl From<cutwater_logs::Error> for Failure {
    fn from(error: cutwater_logs::Error) -> Self {
        if error.is_request() {
            Self::usage(error.to_string())
        } else {
            // As above.
            Self::new(printable(error.to_string().as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_the_message_once() {
        let inner = io::Error::other("no such device");
        let failure = Failure::new("cannot open x").because(inner);
        assert_eq!(failure.to_string(), "cannot open x: no such device");
        let repeated = Failure::new("cannot open x: no such device")
            .because(io::Error::other("no such device"));
        assert_eq!(repeated.to_string(), "cannot open x: no such device");
    }

    #[test]
    fn a_closed_pipe_is_success_and_a_full_disk_is_not() {
        let closed = Failure::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.fault, Fault::ClosedOutput);
        let full = Failure::output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.fault, Fault::Work);
    }
}
