//! Failures of a log as errors.

use std::fs::File;
use std::io;
use std::path::Path;

use cutwater_sys::Errno;
use rustix::fs::{FileType, fstat};

use crate::error::{Action, Cause, Error, Result};

/// Refuses what is not a regular file.
pub(super) fn check_kind(file: &File, path: &Path) -> Result<()> {
    let stat = fstat(file).map_err(|errno| Error::os(Action::Inspect, Some(path), errno))?;
    if FileType::from_raw_mode(stat.st_mode).is_file() {
        return Ok(());
    }
    Err(Error::new(Action::Open, Some(path), Cause::Kind("not a regular file")))
}

pub(super) fn os(action: Action, path: &Path, error: &io::Error) -> Error {
    Error::os(action, Some(path), Errno::from_io_error(error).unwrap_or(Errno::IO))
}
