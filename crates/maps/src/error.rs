//! The error type of this crate and of those that stand on it.
//!
//! [`Action`] and [`Cause`] are public for these crates, and no part of the interface.

use std::fmt;
use std::path::{Path, PathBuf};

use cutwater_sys::Errno;

/// `Result` with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file could not be opened, read, mapped or written: what was tried, where, the kernel's
/// answer, and where users can help themselves the likely cause and the next step.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    action: Action,
    path: Option<PathBuf>,
    cause: Cause,
}

/// What was being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Open,
    /// To open what a symbolic link points to.
    Follow {
        target: PathBuf,
    },
    Inspect,
    Read {
        offset: u64,
        len: u64,
    },
    Map {
        offset: u64,
        len: u64,
    },
    Unmap,
    /// A failure of the queue or of the thread's buffers, not of one read.
    Queue,
    SetUpRing,
    SetUpDirect,
    Advise,
    AskResidency,
    Lease,
    Copy {
        offset: u64,
    },
    /// A verb of scratch memory or of a log: "append to".
    Store(&'static str),
}

/// Why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Os(Errno),
    /// Not a thing that has bytes at offsets.
    Kind(&'static str),
    /// The file ended before the bytes that were asked for.
    Ended {
        at: u64,
    },
    /// The file became shorter during the read.
    Truncated {
        at: u64,
    },
    /// An offset or length that no file can have.
    OutOfBounds,
    /// The bytes are not a value of this type.
    Invalid(&'static str),
    /// This host or file lacks it.
    Unsupported(String),
    /// The bytes there are not what was written.
    Spoiled {
        at: u64,
        what: &'static str,
    },
    /// Another process is its writer.
    Locked,
    /// A limit of ours, in bytes.
    Full {
        bytes_max: u64,
    },
    /// More at once than can be, in bytes.
    TooLong {
        bytes_max: u64,
    },
    /// Not in this state, or not with this argument.
    Refused(&'static str),
}

impl Error {
    #[doc(hidden)]
    #[must_use]
    pub fn new(action: Action, path: Option<&Path>, cause: Cause) -> Self {
        Self(Box::new(Inner { action, path: path.map(Path::to_path_buf), cause }))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn os(action: Action, path: Option<&Path>, errno: Errno) -> Self {
        Self::new(action, path, Cause::Os(errno))
    }

    /// Why `path` could not be opened. A link is known for one now, and may not be later.
    #[doc(hidden)]
    #[must_use]
    pub fn open(path: &Path, cause: Cause) -> Self {
        let missing = cause == Cause::Os(Errno::NOENT);
        let target = path.read_link().ok().filter(|_| missing);
        let action = target.map_or(Action::Open, |target| Action::Follow { target });
        Self::new(action, Some(path), cause)
    }

    /// The kernel's error number, where it was the kernel that refused.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.0.cause {
            Cause::Os(errno) => Some(errno.raw_os_error()),
            _ => None,
        }
    }

    /// The path of the file, where it was opened by path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The offset at which a read or a map failed.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self.0.action {
            Action::Read { offset, .. } | Action::Map { offset, .. } | Action::Copy { offset } => {
                Some(offset)
            }
            _ => None,
        }
    }

    /// No such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is_errno(Errno::NOENT)
    }

    /// The caller may not read it.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        self.is_errno(Errno::ACCESS) || self.is_errno(Errno::PERM)
    }

    /// A directory, FIFO, socket or terminal: no bytes at offsets.
    #[must_use]
    pub fn is_not_a_file(&self) -> bool {
        matches!(self.0.cause, Cause::Kind(_)) || self.is_errno(Errno::ISDIR)
    }

    /// The file ended before the bytes that were asked for.
    #[must_use]
    pub fn is_past_end(&self) -> bool {
        matches!(self.0.cause, Cause::Ended { .. })
    }

    /// The file became shorter while it was read.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(self.0.cause, Cause::Truncated { .. })
    }

    /// An offset or a length that no file, or no record, can have.
    #[must_use]
    pub fn is_out_of_bounds(&self) -> bool {
        matches!(self.0.cause, Cause::OutOfBounds | Cause::TooLong { .. })
    }

    /// This host, kernel or file system lacks what was asked for.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0.cause, Cause::Unsupported(_))
            || [Errno::NOSYS, Errno::OPNOTSUPP, Errno::NODEV].into_iter().any(|e| self.is_errno(e))
            || (self.0.action == Action::SetUpDirect && self.is_errno(Errno::INVAL))
    }

    /// A limit was reached: descriptors, locked memory, memory.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        [Errno::MFILE, Errno::NFILE, Errno::NOMEM].into_iter().any(|e| self.is_errno(e))
    }

    /// The bytes of the file are not what was written to it.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        matches!(self.0.cause, Cause::Spoiled { .. })
    }

    /// Another writer has it, or has it open where that is not allowed.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.0.cause, Cause::Locked)
            || (self.0.action == Action::Lease && self.is_errno(Errno::AGAIN))
    }

    /// No room: the disk, the quota, the largest file or a limit that was asked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.0.cause, Cause::Full { .. })
            || [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].into_iter().any(|e| self.is_errno(e))
    }

    fn is_errno(&self, errno: Errno) -> bool {
        self.0.cause == Cause::Os(errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { action, path, cause } = &*self.0;
        let name =
            path.as_deref().map_or_else(|| "the file".into(), |p| format!("{}", p.display()));
        match action {
            Action::Open | Action::Follow { .. } => write!(f, "cannot open {name}")?,
            Action::Inspect => write!(f, "cannot inspect {name}")?,
            Action::Read { offset, len } => {
                write!(f, "cannot read {len} bytes at offset {offset} of {name}")?;
            }
            Action::Map { offset, len } => {
                write!(f, "cannot map {len} bytes at offset {offset} of {name}")?;
            }
            Action::Unmap => write!(f, "cannot unmap {name}")?,
            Action::Queue => write!(f, "cannot queue reads of {name}")?,
            Action::SetUpRing => write!(f, "cannot set up io_uring for {name}")?,
            Action::SetUpDirect => write!(f, "cannot open {name} with O_DIRECT")?,
            Action::Advise => write!(f, "cannot advise the kernel about {name}")?,
            Action::AskResidency => write!(f, "cannot ask what of {name} is in the page cache")?,
            Action::Lease => write!(f, "cannot take a read lease on {name}")?,
            Action::Copy { offset } => write!(f, "cannot copy {name} from offset {offset}")?,
            Action::Store(verb) => write!(f, "cannot {verb} {name}")?,
        }
        match cause {
            Cause::Os(errno) => write!(f, ": {}", text_of(*errno))?,
            Cause::Kind(kind) => write!(f, ": it is {kind}, which has no bytes at offsets")?,
            Cause::Ended { at } => write!(f, ": it ends at {at}")?,
            Cause::Truncated { at } => write!(f, ": it was truncated to {at} bytes meanwhile")?,
            Cause::Invalid(what) => write!(f, ": the bytes there are not a valid {what}")?,
            Cause::Unsupported(what) => write!(f, ": {what}")?,
            Cause::Spoiled { at, what } => write!(f, ": {what}, at offset {at}")?,
            Cause::Locked => write!(f, ": another writer has it open")?,
            Cause::Full { bytes_max } => write!(f, ": it holds {bytes_max} bytes at most")?,
            Cause::TooLong { bytes_max } => write!(f, ": {bytes_max} bytes at most go at once")?,
            Cause::Refused(why) => write!(f, ": {why}")?,
            Cause::OutOfBounds => write!(f, ": no file reaches past offset {}", i64::MAX)?,
        }
        match advice(action, cause) {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Os(errno) => Some(errno),
            _ => None,
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.0.cause {
            Cause::Os(errno) => Self::from(errno).kind(),
            Cause::Ended { .. } | Cause::Truncated { .. } => std::io::ErrorKind::UnexpectedEof,
            Cause::Invalid(_) => std::io::ErrorKind::InvalidData,
            Cause::Unsupported(_) => std::io::ErrorKind::Unsupported,
            Cause::Spoiled { .. } => std::io::ErrorKind::InvalidData,
            Cause::Locked => std::io::ErrorKind::WouldBlock,
            Cause::Full { .. } => std::io::ErrorKind::StorageFull,
            Cause::Refused(_) => std::io::ErrorKind::InvalidInput,
            Cause::TooLong { .. } => std::io::ErrorKind::InvalidInput,
            Cause::Kind(_) | Cause::OutOfBounds => std::io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// The kernel's words for an error number, without the number.
fn text_of(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    match text.rfind(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

/// The likely cause and the next step, where there is one to name.
fn advice(action: &Action, cause: &Cause) -> Option<String> {
    let Cause::Os(errno) = *cause else { return advice_without_errno(cause).map(str::to_owned) };
    if let (Action::Follow { target }, Errno::NOENT) = (action, errno) {
        let target = target.display();
        return Some(format!(
            "it is a symbolic link to {target}: the link is there, and what it points to is not; \
             see: namei -l"
        ));
    }
    advice_by_errno(action, errno).map(str::to_owned)
}

fn advice_without_errno(cause: &Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::Kind("a directory") => "name a file inside it",
        Cause::Kind(_) => "copy it to a file first: cat IT > FILE",
        Cause::Truncated { .. } => "likely cause: another program truncated it; read it again",
        Cause::Spoiled { .. } => "likely cause: a failing device, or another program wrote to it",
        Cause::Locked => "a log has one writer; see: lsof, fuser",
        Cause::Full { .. } => "consume some of it, or ask for more",
        _ => return None,
    })
}

fn advice_by_errno(action: &Action, errno: Errno) -> Option<&'static str> {
    Some(match (action, errno) {
        (_, Errno::NOENT) => "likely cause: a misspelt name; see: ls",
        (Action::Open, Errno::ACCESS | Errno::PERM) => {
            "likely cause: the file or a directory above it is not readable for you; see: namei -l"
        }
        (_, Errno::MFILE) => {
            "likely cause: this process reached its limit of open files; try: ulimit -n 65536"
        }
        (_, Errno::NFILE) => {
            "likely cause: the system reached its limit of open files; see: sysctl fs.file-nr"
        }
        (Action::SetUpRing, Errno::NOSYS) => {
            "likely cause: this kernel has no io_uring (it needs 5.1 or later) or a seccomp filter hides it; use another path"
        }
        (Action::SetUpRing, Errno::PERM) => {
            "likely cause: io_uring is disabled; try: sysctl -w kernel.io_uring_disabled=0, or in a container a seccomp profile that allows it"
        }
        (Action::SetUpRing, Errno::NOMEM) => {
            "likely cause: the limit of locked memory; try: ulimit -l 65536"
        }
        (Action::SetUpDirect, Errno::INVAL) => {
            "likely cause: this file system has no direct I/O; use another path"
        }
        (Action::SetUpDirect, Errno::NOSYS) => {
            "likely cause: /proc is not mounted, by which the file is opened again; use another path"
        }
        (Action::Lease, Errno::AGAIN) => {
            "likely cause: a program has it open for writing; see: lsof; or use Frozen::copy_of"
        }
        (Action::Lease, Errno::ACCESS) => {
            "likely cause: it belongs to another user, whose files need CAP_LEASE; use Frozen::copy_of"
        }
        (Action::Lease, Errno::NOLCK) => {
            "likely cause: this process holds 64 leases, and each has a thread; use Frozen::copy_of"
        }
        (Action::Map { .. }, Errno::NODEV) => {
            "likely cause: this file system has no maps; use the path preadv"
        }
        (Action::Store(_), Errno::CHILD) => {
            "likely cause: this process was forked from the one that made it; make another one here"
        }
        (_, Errno::NOSPC) => "likely cause: the disk is full; see: df",
        (_, Errno::DQUOT) => "likely cause: your quota is used up; see: quota",
        (Action::Read { .. } | Action::Store(_), Errno::IO) => {
            "likely cause: the device failed; see: dmesg, and smartctl -a on the device"
        }
        (Action::Read { .. }, Errno::STALE) => {
            "likely cause: the file was replaced on the server; open it again"
        }
        _ => return None,
    })
}
