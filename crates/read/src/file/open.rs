//! Opening a file: what kind it is, and how it is to be read.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutwater_sys::Errno;
use rustix::fs::{FileType, Mode, OFlags};

use super::File;
use super::core::{Core, size_of};
use crate::error::{Action, Cause};
use crate::{Advice, Error, FileClass, Pattern, ReadPath, Result, Reuse, RingOptions};

/// Reads in flight at most.
const DEPTH_MAX: u32 = 1024;

/// How to open a file and read it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(crate) path: ReadPath,
    pub(crate) pattern: Pattern,
    pub(crate) reuse: Reuse,
    pub(crate) depth: u32,
    pub(crate) ring: RingOptions,
    pub(crate) populate: bool,
    pub(crate) class: FileClass,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            path: ReadPath::Auto,
            pattern: Pattern::Observed,
            reuse: Reuse::Unknown,
            depth: 64,
            ring: RingOptions::default(),
            populate: false,
            class: FileClass::default(),
        }
    }
}

/// Opens for reading and does not wait: without `O_NONBLOCK` a FIFO waits for a writer.
pub(crate) fn open_at_once(path: &Path) -> std::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

impl OpenOptions {
    /// Which path to read through; the chooser's by default.
    ///
    /// A path that the caller names reads every range alone, as it is.
    #[must_use]
    pub fn path(mut self, path: ReadPath) -> Self {
        self.path = path;
        self
    }

    /// How the file will be read; observed by default. The kernel is told
    /// (`posix_fadvise(2)`), which decides about its read-ahead.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Whether the bytes will be wanted again; not known by default.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// How many reads may be in flight at once, 1 to 1,024; 64 by default.
    #[must_use]
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth.clamp(1, DEPTH_MAX);
        self
    }

    /// What to ask of the ring: polling, a kernel thread that submits. What is refused is given
    /// up and told by [`File::explain`].
    #[must_use]
    pub fn ring(mut self, ring: RingOptions) -> Self {
        self.ring = ring;
        self
    }

    /// Whether to read the whole file and make all page tables when it is mapped
    /// (`MAP_POPULATE`): the first read waits for all, and no later one takes a fault. Not done
    /// by default; for a part see [`File::advise_map`].
    #[must_use]
    pub fn populate_map(mut self, populate: bool) -> Self {
        self.populate = populate;
        self
    }

    /// Under what name metrics count its reads; none of its own by default.
    #[must_use]
    pub fn class(mut self, class: FileClass) -> Self {
        self.class = class;
        self
    }

    /// The depth that was set.
    #[must_use]
    pub fn depth_set(&self) -> u32 {
        self.depth
    }

    /// The path that was set.
    #[must_use]
    pub fn path_set(&self) -> ReadPath {
        self.path
    }

    /// Opens the file at `path` for reading (`open(2)`).
    ///
    /// # Errors
    /// When it does not exist, may not be read, or is no regular file or block device; and
    /// when a named path is refused here ([`Error::is_unsupported`]).
    pub fn open(&self, path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref();
        let file = open_at_once(path).map_err(|e| {
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
            let ring = crate::engine::with(|engine| {
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
        crate::metrics::opened(&file.0);
        file.tell_pattern();
        Ok(file)
    }
}

impl File {
    /// Tells the kernel the declared pattern. Advice that is refused costs speed, not bytes.
    fn tell_pattern(&self) {
        let advice = match self.0.options.pattern {
            Pattern::Observed => return,
            Pattern::Sequential => Advice::Sequential,
            Pattern::Random | Pattern::Strided => Advice::Random,
        };
        let _ = self.advise(0..0, advice);
    }
}

/// Of a descriptor that was opened `O_WRONLY` or `O_PATH`.
const NOT_READABLE: &str = "its descriptor was not opened for reading; open it with O_RDONLY";

/// Why `path` did not open: a socket answers `ENXIO`, which says little.
fn why_not_open(path: &Path, errno: Errno) -> Cause {
    let kind = || Some(FileType::from_raw_mode(rustix::fs::stat(path).ok()?.st_mode));
    match (errno == Errno::NXIO).then(kind).flatten().and_then(not_a_file) {
        Some(kind) => Cause::Kind(kind),
        None => Cause::Os(errno),
    }
}

/// What a thing that is no file is called, for people.
pub(crate) fn not_a_file(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile | FileType::BlockDevice => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a FIFO or pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice => Some("a terminal or another character device"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Unknown => Some("neither a regular file nor a block device"),
    }
}
