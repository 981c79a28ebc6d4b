//! Why a read through a map failed, and how far it came.

use std::fmt;
use std::path::{Path, PathBuf};

use cutwater_sys::Errno;

use crate::error::{Action, Cause, Error};

/// A read that failed, with the bytes copied before it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    path: Option<PathBuf>,
    offset: u64,
    len: u64,
    copied: usize,
    cause: FaultCause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultCause {
    /// It had these bytes and has them no more.
    Truncated {
        size: u64,
    },
    /// It never had them, and the caller needs them all.
    Ended {
        size: u64,
    },
    /// They are not a value of the type.
    Invalid(&'static str),
    OutOfBounds,
    Os(Errno),
}

impl Fault {
    pub(crate) fn new(
        path: Option<&Path>,
        (offset, len): (u64, usize),
        copied: usize,
        cause: FaultCause,
    ) -> Self {
        let path = path.map(Path::to_path_buf);
        Self(Box::new(Inner { path, offset, len: len as u64, copied, cause }))
    }

    /// Bytes at the start of the buffer that are the file's; the others are unspecified.
    #[must_use]
    pub fn copied(&self) -> usize {
        self.0.copied
    }

    /// The offset at which the read began.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The file had these bytes when it was opened and has them no more.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(self.0.cause, FaultCause::Truncated { .. })
    }

    /// The file ended before a value that was asked for.
    #[must_use]
    pub fn is_past_end(&self) -> bool {
        matches!(self.0.cause, FaultCause::Ended { .. })
    }

    /// The bytes are not a value of the type that was asked for.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.cause, FaultCause::Invalid(_))
    }

    /// An offset or a length that no file can have.
    #[must_use]
    pub fn is_out_of_bounds(&self) -> bool {
        matches!(self.0.cause, FaultCause::OutOfBounds)
    }

    /// The kernel's error number, where it refused or the device failed.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.0.cause {
            FaultCause::Os(errno) => Some(errno.raw_os_error()),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, offset, len, copied, cause } = &*self.0;
        write!(f, "cannot read {len} bytes at offset {offset} of ")?;
        match path {
            Some(path) => write!(f, "{}", path.display())?,
            None => f.write_str("the file")?,
        }
        match cause {
            FaultCause::Truncated { size } => write!(
                f,
                ": {copied} were copied, then it was only {size} bytes long; likely cause: another program truncated it; open it again"
            ),
            FaultCause::Ended { size } => write!(f, ": it ends at {size}"),
            FaultCause::Invalid(what) => write!(f, ": the bytes there are not a valid {what}"),
            FaultCause::OutOfBounds => write!(f, ": no file reaches past offset {}", i64::MAX),
            FaultCause::Os(errno) => write!(f, ": {copied} were copied, then {errno}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            FaultCause::Os(errno) => Some(errno),
            _ => None,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let Inner { path, offset, len, cause, .. } = *fault.0;
        let cause = match cause {
            FaultCause::Truncated { size } => Cause::Truncated { at: size },
            FaultCause::Ended { size } => Cause::Ended { at: size },
            FaultCause::Invalid(what) => Cause::Invalid(what),
            FaultCause::OutOfBounds => Cause::OutOfBounds,
            FaultCause::Os(errno) => Cause::Os(errno),
        };
        Self::new(Action::Read { offset, len }, path.as_deref(), cause)
    }
}

impl From<Fault> for std::io::Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.0.cause {
            FaultCause::Truncated { .. } | FaultCause::Ended { .. } => {
                std::io::ErrorKind::UnexpectedEof
            }
            FaultCause::Invalid(_) => std::io::ErrorKind::InvalidData,
            FaultCause::OutOfBounds => std::io::ErrorKind::InvalidInput,
            FaultCause::Os(errno) => Self::from(errno).kind(),
        };
        Self::new(kind, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_where_how_far_and_why() {
        let path = Path::new("data.bin");
        let cause = FaultCause::Truncated { size: 20 };
        let fault = Fault::new(Some(path), (16, 8), 4, cause);
        assert_eq!(
            fault.to_string(),
            "cannot read 8 bytes at offset 16 of data.bin: 4 were copied, then it was only 20 bytes long; likely cause: another program truncated it; open it again"
        );
        assert!(Error::from(fault.clone()).is_truncated());
        assert_eq!(std::io::Error::from(fault).kind(), std::io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_invalid_value_and_a_file_that_ended_are_different_faults() {
        let fault = |cause| Fault::new(None, (0, 1), 0, cause);
        let invalid = fault(FaultCause::Invalid("bool"));
        assert!(invalid.is_invalid() && !invalid.is_past_end());
        assert_eq!(
            Error::from(invalid).to_string(),
            "cannot read 1 bytes at offset 0 of the file: the bytes there are not a valid bool"
        );
        assert!(Error::from(fault(FaultCause::Ended { size: 0 })).is_past_end());
    }
}
