//! How a command fails: one line on standard error with its causes, and an exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use cutwater_logs::bad::printable;

/// Why a command could not go on.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The work failed: exit code 1.
    Work,
    /// The arguments are wrong: exit code 2, as clap has it.
    Usage,
    /// The reader of our output went away (`cutwater ... | head`): not an error.
    Closed,
}

impl Failure {
    /// The work failed for a reason that `message` says.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { kind: Kind::Work, message: message.into(), source: None }
    }

    /// The arguments make no sense here.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), source: None }
    }

    /// Standard output could not be written.
    pub(crate) fn output(error: io::Error) -> Self {
        let kind =
            if error.kind() == io::ErrorKind::BrokenPipe { Kind::Closed } else { Kind::Work };
        Self { kind, message: "cannot write the output".into(), source: Some(error.into()) }
    }

    /// Adds the cause.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the arguments are wrong, so that nothing was done.
    pub(crate) fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    /// Prints the failure and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if self.kind == Kind::Closed {
            return ExitCode::SUCCESS;
        }
        // With standard error closed too there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "cutwater: {}", tame(&self.to_string()));
        match self.kind {
            Kind::Usage => ExitCode::from(2),
            Kind::Work | Kind::Closed => ExitCode::FAILURE,
        }
    }
}

/// Without control characters but those that lay out a message of several lines.
fn tame(text: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<_> = line.split('\t').map(|cell| printable(cell.as_bytes())).collect();
        cells.join("\t")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Failure {
    /// The message, then each cause; a cause whose text was already said is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut said = self.message.clone();
        let mut next = self.source.as_deref().map(|s| s as &dyn Error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl From<cutwater::Error> for Failure {
    fn from(error: cutwater::Error) -> Self {
        let message = printable(error.to_string().as_bytes());
        Self { kind: Kind::Work, message, source: error.source().map(|s| s.to_string().into()) }
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
        let closed = Failure::output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.kind, Kind::Closed);
        let full = Failure::output(io::ErrorKind::StorageFull.into());
        assert_eq!(full.kind, Kind::Work);
    }
}
