//! Why there is no flame graph.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use cutwater_observe::perf::PerfError;

use cutwater_shell::words::shown;

/// Why there is no flame graph.
#[derive(Debug)]
pub enum FlameError {
    /// The host does not let this process be sampled.
    Refused(PerfError),
    /// Nothing was sampled.
    Empty,
    /// Nothing waited, or the host does not let us see it, for the reason inside.
    NoWaits(Option<String>),
    /// The file could not be written.
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for FlameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) => f.write_str("cannot record a flame graph"),
            Self::Empty => f.write_str(
                "no flame graph: no sample was taken; likely cause: less CPU time was used than \
                 the milliseconds between two samples; try a longer run",
            ),
            Self::NoWaits(None) => f.write_str(
                "no flame graph of the time off the CPU: no thread came to wait; a wait that had \
                 begun before is seen from the next one on",
            ),
            Self::NoWaits(Some(why)) => {
                write!(f, "no flame graph of the time off the CPU: {why}")
            }
            Self::Write { path, .. } => {
                write!(f, "cannot write the flame graph {}", shown(path))
            }
        }
    }
}

impl Error for FlameError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(e) => Some(e),
            Self::Empty | Self::NoWaits(_) => None,
            Self::Write { source, .. } => Some(source),
        }
    }
}
