//! Opening a file, and finding out whether it can be read as asked.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutwater_maps::open::{not_a_file, open_without_waiting};
use cutwater_sys::Errno;
use rustix::fs::{FileType, OFlags};

use super::core::{Core, size_of};
use super::options::OpenOptions;
use super::{File, engine, opened};
use crate::error::{Action, Cause};
use crate::{Advice, Error, Pattern, ReadPath, Result};

impl OpenOptions {
    /// Opens the file at `path` for reading (`open(2)`).
    ///
    /// # Errors
    /// When it does not exist, may not be read, or is not a regular file or block device; and
    /// when a named path is refused here ([`Error::is_unsupported`]).
    pub fn open(&self, path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref();
        let file = open_without_waiting(path).map_err(|e| {
            let errno = Errno::from_io_error(&e).unwrap_or(Errno::IO);
            Error::open(path, why_not_open(path, errno))
        })?;
        self.take(file.into(), Some(path.to_path_buf()))
    }

    /// Takes over an open descriptor, which must be readable.
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; and when the descriptor is open for writing only.
    pub fn from_fd(&self, fd: OwnedFd) -> Result<File> {
        self.take(fd, None)
    }

    fn take(&self, fd: OwnedFd, name: Option<PathBuf>) -> Result<File> {
        let fail = |cause| Error::new(Action::Open, name.as_deref(), cause);
        let stat = rustix::fs::fstat(&fd).map_err(|e| fail(Cause::Os(e)))?;
        if let Some(kind) = not_a_file(FileType::from_raw_mode(stat.st_mode)) {
            return Err(fail(Cause::Kind(kind)));
        }
        let mode = rustix::fs::fcntl_getfl(&fd).map_err(|e| fail(Cause::Os(e)))?;
        if mode.contains(OFlags::PATH) || mode & OFlags::RWMODE == OFlags::WRONLY {
            return Err(fail(Cause::Refused(NOT_READABLE)));
        }
        let size = size_of(&fd).map_err(|e| fail(Cause::Os(e)))?;
        let core = Core::new(fd, name, self.clone(), size);
        if self.path == ReadPath::UringDirect {
            core.direct().map_err(|e| Error::os(Action::SetUpDirect, core.path(), e))?;
        }
        if matches!(self.path, ReadPath::Uring | ReadPath::UringDirect) {
            let options = core.ring_options(self.path == ReadPath::UringDirect);
            // A refusal on this thread may have passed.
            let ring = engine::with(|engine| {
                engine.forget_refusal(options);
                engine.ring(options).map(drop)
            });
            ring.and_then(|r| r).map_err(|e| Error::os(Action::SetUpRing, core.path(), e))?;
        }
        if self.path == ReadPath::Mmap && size > 0 {
            let action = Action::Map { offset: 0, len: size };
            core.map().map_err(|e| Error::os(action, core.path(), e))?;
        }
        let file = File(Arc::new(core));
        opened::remember(&file.0);
        file.advise_pattern();
        Ok(file)
    }
}

impl File {
    /// Advises the kernel of the declared pattern. Advice that is refused costs speed, not bytes.
    fn advise_pattern(&self) {
        let advice = match self.0.options.pattern {
            Pattern::Observed => return,
            Pattern::Sequential => Advice::Sequential,
            Pattern::Random => Advice::Random,
        };
        let _ = self.advise(0..0, advice);
    }
}

/// Refuses a descriptor that was opened with `O_WRONLY` or `O_PATH`.
const NOT_READABLE: &str = "its descriptor was not opened for reading; open it with O_RDONLY";

/// Why `path` did not open: a socket answers `ENXIO`, which says little.
fn why_not_open(path: &Path, errno: Errno) -> Cause {
    let kind = || Some(FileType::from_raw_mode(rustix::fs::stat(path).ok()?.st_mode));
    match (errno == Errno::NXIO).then(kind).flatten().and_then(not_a_file) {
        Some(kind) => Cause::Kind(kind),
        None => Cause::Os(errno),
    }
}
