//! How to open a file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use cutwater_sys::ring::Op;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{ATTEMPTS_MAX, File, c_path};
use crate::operation::operation;

/// How to open a file, as `openat2(2)` has it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    flags: OFlags,
    read: bool,
    write: bool,
    mode: u32,
    resolve: ResolveFlags,
}

impl Default for OpenOptions {
    fn default() -> Self {
        let (flags, resolve) = (OFlags::CLOEXEC, ResolveFlags::empty());
        Self { flags, read: true, write: false, mode: 0o666, resolve }
    }
}

impl OpenOptions {
    /// For reading, unless said otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For reading.
    #[must_use]
    pub fn read(mut self, yes: bool) -> Self {
        self.read = yes;
        self
    }

    /// For writing.
    #[must_use]
    pub fn write(mut self, yes: bool) -> Self {
        self.write = yes;
        self
    }

    /// Writes go to the end.
    #[must_use]
    pub fn append(mut self, yes: bool) -> Self {
        self.write |= yes;
        self.flags.set(OFlags::APPEND, yes);
        self
    }

    /// Empties the file.
    #[must_use]
    pub fn truncate(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::TRUNC, yes);
        self
    }

    /// Makes the file where there is none.
    #[must_use]
    pub fn create(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::CREATE, yes);
        self
    }

    /// Makes the file, and fails where there is one.
    #[must_use]
    pub fn create_new(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::CREATE | OFlags::EXCL, yes);
        self
    }

    /// Past the page cache, from and to the device (`O_DIRECT`): for [`File::read_direct`]; other
    /// reads and writes then have to keep to the file's [`File::grid`] themselves. Some file systems
    /// refuse it with `EINVAL`.
    #[must_use]
    pub fn direct(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::DIRECT, yes);
        self
    }

    /// The rights of a file that is made, before the process' mask; 0o666 unless said otherwise.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// How names are followed: `ResolveFlags::BENEATH` never leaves the directory.
    #[must_use]
    pub fn resolve(mut self, resolve: ResolveFlags) -> Self {
        self.resolve = resolve;
        self
    }

    /// Opens `path`.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_below(None, path.as_ref()).await
    }

    /// Opens `path` below the directory `dir`.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open_at(&self, dir: &File, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_below(Some(dir), path.as_ref()).await
    }

    async fn open_below(&self, dir: Option<&File>, path: &Path) -> io::Result<File> {
        let access = match (self.read, self.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        let flags = self.flags | access;
        // The call refuses rights for a file that it does not make.
        let mode = if flags.contains(OFlags::CREATE) { self.mode } else { 0 };
        let path = c_path(path)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let op = Op::Open {
                dir: dir.map(|d| Arc::clone(d.fd())),
                path: path.clone(),
                flags,
                mode: Mode::from_raw_mode(mode),
                resolve: self.resolve,
            };
            let outcome = operation(op).await;
            match (outcome.result, outcome.fd) {
                (Ok(_), Some(fd)) => return Ok(File::opened(fd, flags.contains(OFlags::DIRECT))),
                (Ok(_), None) => return Err(Errno::BADF.into()),
                (Err(Errno::INTR | Errno::AGAIN), _) if attempts < ATTEMPTS_MAX => {}
                (Err(errno), _) => return Err(errno.into()),
            }
        }
    }
}
