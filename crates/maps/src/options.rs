//! How a file is opened as [`Mapped`].

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use cutwater_sys::Errno;
use cutwater_sys::map::{Map, MapOptions};

use rustix::fs::OFlags;

use super::mapped::{ObservedMap, errno};
use super::observer::Observer;
use super::windows::Windows;
use crate::error::{Action, Cause, Error, Result};

/// Offsets of windows are multiples of this: the largest page size of any Linux.
const WINDOW_UNIT: u64 = 64 << 10;

/// How to map a file.
pub type MappedOptions = ObservedMapOptions<()>;

/// How to map a file whose reads an [`Observer`] counts.
#[derive(Debug, Clone)]
pub struct ObservedMapOptions<O> {
    budget: u64,
    window: u64,
    populate: bool,
    observer: O,
}

impl<O: Observer> ObservedMap<O> {
    /// Opens the file at `path` and maps it.
    ///
    /// # Errors
    /// See [`ObservedMapOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        ObservedMapOptions::default().open(path)
    }

    /// Options to open with.
    #[must_use]
    pub fn options() -> ObservedMapOptions<O> {
        ObservedMapOptions::default()
    }
}

impl<O: Observer> Default for ObservedMapOptions<O> {
    fn default() -> Self {
        Self { budget: 1 << 40, window: 64 << 20, populate: false, observer: O::default() }
    }
}

impl<O: Observer> ObservedMapOptions<O> {
    /// Most address space to take, bytes; 1 TiB by default. A file that fits is mapped
    /// whole; of a longer one, at most this much at a time.
    #[must_use]
    pub fn budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// The length of one window of a file that does not fit, bytes; 64 MiB by default,
    /// rounded up to 64 KiB and at most the budget.
    #[must_use]
    pub fn window(mut self, bytes: u64) -> Self {
        self.window = bytes;
        self
    }

    /// Make the page tables when the file is opened (`MAP_POPULATE`), reading what is not
    /// in the page cache; off by default.
    #[must_use]
    pub fn populate(mut self, populate: bool) -> Self {
        self.populate = populate;
        self
    }

    /// Counts the reads of this file; `O::default()` does by default.
    #[must_use]
    pub fn observer(mut self, observer: O) -> Self {
        self.observer = observer;
        self
    }

    /// Opens the file at `path` and maps it.
    ///
    /// # Errors
    /// When it cannot be opened, is not a regular file, or cannot be mapped;
    /// [`Error::is_out_of_bounds`] when the budget is less than 64 KiB.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<ObservedMap<O>> {
        let path = path.as_ref();
        let failed = |e: std::io::Error| Error::os(Action::Open, Some(path), errno(&e));
        // Without O_NONBLOCK the open of a FIFO without a writer would wait for one.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = fs::File::options();
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = options.open(path).map_err(failed)?;
        self.map(file, Some(path))
    }

    /// Maps the file behind a descriptor that is open for reading.
    ///
    /// # Errors
    /// As [`ObservedMapOptions::open`].
    pub fn from_fd(&self, fd: OwnedFd) -> Result<ObservedMap<O>> {
        self.map(fd.into(), None)
    }

    fn map(&self, file: fs::File, path: Option<&Path>) -> Result<ObservedMap<O>> {
        let metadata = file.metadata();
        let metadata = metadata.map_err(|e| Error::os(Action::Inspect, path, errno(&e)))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            return Err(Error::new(Action::Open, path, Cause::Kind(kind)));
        }
        let size = metadata.len();
        let room = self.budget / WINDOW_UNIT * WINDOW_UNIT;
        let window = self.window.max(1).div_ceil(WINDOW_UNIT).saturating_mul(WINDOW_UNIT).min(room);
        if window == 0 || i64::try_from(window).is_err() {
            let action = Action::Map { offset: 0, len: window };
            return Err(Error::new(action, path, Cause::OutOfBounds));
        }
        let whole = if size > 0 && size <= self.budget {
            Some(map_whole(&file, size, self.populate, path)?)
        } else {
            None
        };
        let left = self.budget - whole.as_ref().map_or(0, |map| map.len() as u64);
        Ok(ObservedMap::new(file, path, self.observer, size, whole, Windows::new(left, window)))
    }
}

fn map_whole(file: &fs::File, size: u64, populate: bool, path: Option<&Path>) -> Result<Map> {
    let refused = |errno| Error::os(Action::Map { offset: 0, len: size }, path, errno);
    let len = usize::try_from(size).map_err(|_| refused(Errno::NOMEM))?;
    Map::new(file.as_fd(), 0, len, &MapOptions { populate }).map_err(refused)
}
