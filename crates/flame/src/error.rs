//! Why there is no flame graph.

use std::error::Error;
use std::fmt;

use cutwater_observe::perf::PerfError;

use cutwater_shell::Failure;

/// Why there is no flame graph.
#[derive(Debug)]
pub enum FlameError {
    /// The host does not let this process be sampled.
    Refused(PerfError),
    /// Nothing was sampled.
    Empty,
    /// Nothing waited, or the host does not let us see it, for the reason inside.
    NoWaits(Option<String>),
    /// The file could not be written, for the reason inside, which names it.
    Write(Failure),
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
            Self::Write(_) => f.write_str("cannot write the flame graph"),
        }
    }
}

impl Error for FlameError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(e) => Some(e),
            Self::Empty | Self::NoWaits(_) => None,
            Self::Write(why) => Some(why),
        }
    }
}
