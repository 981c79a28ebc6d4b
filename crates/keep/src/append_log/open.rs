//! Opening a log for writing: the lock, the header, where the log ends.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use crate::append_log::failure::{check_kind, os};
use crate::append_log::format::Header;
use crate::append_log::length::HEADER_BYTES;
use crate::append_log::lock::Locked;
use crate::append_log::options::AppendLogOptions;
use crate::append_log::records::read_up_to;
use crate::append_log::recover::{Refused, boot, recover};
use crate::append_log::space::allocate;
use crate::append_log::writer::{AppendLog, Start};
use crate::error::{Action, Cause, Error, Result};

impl AppendLogOptions {
    /// Opens or creates a log as its one writer.
    ///
    /// # Errors
    /// [`Error::is_locked`] while another writer has it; [`Error::is_corrupt`] and
    /// [`Error::is_truncated`] for a damaged log or a file that is not a log, which stays as it
    /// is; [`Error::is_full`]; what `open(2)`, `fcntl(2)` and `mmap(2)` answer.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<AppendLog> {
        let path = path.as_ref();
        let fail = |error: io::Error| os(Action::Open, path, &error);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(fail)?;
        check_kind(&file, path)?;
        let file = Locked::new(file, path)?;
        let (header, file_len) = header_of(&file, path)?;
        let boot = boot();
        let recovery = recover(&file, &header, boot, file_len, self.salvage)
            .map_err(|refused| refusal(path, refused))?;
        AppendLog::start(file, path, Start { header, boot, recovery, quiet: self.quiet })
            .map_err(fail)
    }
}

/// Reads the header, or writes one where there is none. Also returns the length of the file.
fn header_of(file: &File, path: &Path) -> Result<(Header, u64)> {
    let fail = |error: io::Error| os(Action::Open, path, &error);
    let mut bytes = [0; HEADER_BYTES as usize];
    let n = read_up_to(file, &mut bytes, 0).map_err(fail)?;
    let file_len = file.metadata().map_err(fail)?.len();
    // A writer that died while it created the log leaves zeros.
    if file_len <= HEADER_BYTES && bytes.iter().all(|&b| b == 0) {
        return Ok((create(file, path).map_err(fail)?, HEADER_BYTES));
    }
    let header = Header::decode(&bytes[..n]).map_err(|what| spoiled(path, 0, what))?;
    if header.durable.is_none_or(|durable| durable <= HEADER_BYTES) {
        // Nothing was synced so far, so the writer that made the file may have died, or failed, before its
        // name was on the device.
        sync_name(path).map_err(fail)?;
    }
    Ok((header, file_len))
}

fn create(file: &File, path: &Path) -> io::Result<Header> {
    use std::os::unix::fs::FileExt;
    // The keys of a RandomState are the standard library's random numbers.
    let header = Header::new(RandomState::new().hash_one(0));
    allocate(file, 0, HEADER_BYTES)?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()?;
    sync_name(path)?;
    Ok(header)
}

/// Makes the name of the file durable.
fn sync_name(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

fn refusal(path: &Path, refused: Refused) -> Error {
    match refused {
        Refused::Os(error) => os(Action::Open, path, &error),
        Refused::Truncated { at } => {
            Error::new(Action::Store("recover"), Some(path), Cause::Truncated { at })
        }
        Refused::Spoiled { at, what } => spoiled(path, at, what),
    }
}

fn spoiled(path: &Path, at: u64, what: &'static str) -> Error {
    Error::new(Action::Store("recover"), Some(path), Cause::Spoiled { at, what })
}
