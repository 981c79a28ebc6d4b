//! How to open a file.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use cutwater_sys::ring::Op;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::file::File;
use super::path::c_path;
use super::submit::{OnCore, Submit};
use crate::operation::retry;

/// How to open a file (`openat2(2)`); see [`File::options`].
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

impl File {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().open(path).await
    }

    /// Opens `path` for reading and writing; creates it where it does not exist, and empties it.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::for_create().open(path).await
    }

    /// Options, for reading by default, to be ended by [`OpenOptions::open`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::default()
    }
}

impl OpenOptions {
    /// For reading and writing; creates the file where it does not exist, and empties it.
    pub(crate) fn for_create() -> Self {
        Self::default().write(true).create(true).truncate(true)
    }

    /// For reading, by default.
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

    /// For writing, always at the end.
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

    /// Creates the file where it does not exist.
    #[must_use]
    pub fn create(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::CREATE, yes);
        self
    }

    /// Creates the file, and fails where it exists.
    #[must_use]
    pub fn create_new(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::CREATE | OFlags::EXCL, yes);
        self
    }

    /// Bypasses the page cache (`O_DIRECT`), for [`File::read_direct`]. Other reads and writes then
    /// have to keep to the file's [`File::grid`] themselves. Some file systems refuse it with `EINVAL`.
    #[must_use]
    pub fn direct(mut self, yes: bool) -> Self {
        self.flags.set(OFlags::DIRECT, yes);
        self
    }

    /// The permissions of a file that is created, before the process's mask; 0o666 by default.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// How the path is resolved: `ResolveFlags::BENEATH` never leaves the directory.
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
        self.open_below(OnCore::default(), None, path.as_ref()).await
    }

    /// Opens `path` below the directory `dir`.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open_at(&self, dir: &File, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_below(OnCore::default(), Some(dir.fd()), path.as_ref()).await
    }

    /// Opens `path`, below `dir` where there is one, by an operation of `submit`.
    pub(crate) async fn open_below<S: Submit>(
        &self,
        submit: S,
        dir: Option<&Arc<OwnedFd>>,
        path: &Path,
    ) -> io::Result<File<S>> {
        let access = match (self.read, self.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        let flags = self.flags | access;
        // The call refuses permissions for a file that it does not create.
        let mode = if flags.contains(OFlags::CREATE) { self.mode } else { 0 };
        let op = Op::Open {
            dir: dir.map(Arc::clone),
            path: c_path(path)?,
            flags,
            mode: Mode::from_raw_mode(mode),
            resolve: self.resolve,
        };
        let outcome = retry(|op| submit.submit(op), op).await;
        outcome.result?;
        let fd = outcome.fd.ok_or(Errno::BADF)?;
        Ok(File::opened(submit, fd, flags.contains(OFlags::DIRECT)))
    }
}
