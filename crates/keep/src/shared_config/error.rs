//! Why a configuration was not published, or not taken.

use std::fmt;
use std::path::{Path, PathBuf};

use cutwater_sys::Errno;
use cutwater_sys::sealed::Refused;
use cutwater_sys::view::NotThisType;

/// `Result` with [`ShareError`].
pub type ShareResult<T> = Result<T, ShareError>;

/// Why a configuration could not be published or taken: what, where, the likely cause and
/// the next step.
#[derive(Debug)]
pub struct ShareError(Box<(PathBuf, Why)>);

#[derive(Debug)]
pub(super) enum Why {
    Os {
        what: &'static str,
        errno: Errno,
    },
    /// Another process has locked the path's `.generation` file.
    Taken(Taken),
    /// The `.generation` file is not as a publisher left it.
    Generation(&'static str),
    /// Something other than a socket is there.
    NotASocket,
    /// The value's own rules refuse it.
    Invalid(String),
    Type(NotThisType),
    Sealed(Refused),
    /// Not exactly one descriptor came with the message.
    Descriptors(usize),
    Malformed(&'static str),
    Format {
        expected: u64,
        offered: u64,
    },
    Backwards {
        held: u64,
        offered: u64,
    },
    Stranger {
        uid: u32,
    },
    /// The publisher closed the connection.
    Gone,
    TimedOut,
}

/// Who may have locked the `.generation` file.
#[derive(Debug)]
pub(super) struct Taken {
    /// The process that answers at the socket, 0 if it is unknown; `None` if nothing answers.
    pub(super) publisher: Option<i32>,
    /// The owner of the file, if it is not this process's user.
    pub(super) other_uid: Option<u32>,
}

impl ShareError {
    pub(super) fn new(path: &Path, why: Why) -> Self {
        Self(Box::new((path.to_path_buf(), why)))
    }

    pub(super) fn os(path: &Path, what: &'static str, errno: Errno) -> Self {
        Self::new(path, Why::Os { what, errno })
    }

    pub(super) fn why(&self) -> &Why {
        &self.0.1
    }

    /// The path of the socket or file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.0
    }

    /// The kernel's error number, if the kernel refused.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.why() {
            Why::Os { errno, .. } | Why::Sealed(Refused::Os(errno)) => Some(errno.raw_os_error()),
            _ => None,
        }
    }

    /// The value's own rules refused it.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.why(), Why::Invalid(_) | Why::Type(_))
    }

    /// What was offered does not prove that it is what a publisher should offer: not
    /// sealed, another length, format or user, an older generation, a broken message.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        matches!(
            self.why(),
            Why::Sealed(_)
                | Why::Descriptors(_)
                | Why::Malformed(_)
                | Why::Format { .. }
                | Why::Backwards { .. }
                | Why::Stranger { .. }
        )
    }

    /// No publisher, or it went away.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let gone = [Errno::NOENT, Errno::CONNREFUSED, Errno::CONNRESET, Errno::PIPE];
        match self.why() {
            Why::Gone | Why::TimedOut => true,
            Why::Os { errno, .. } => gone.contains(errno),
            _ => false,
        }
    }

    /// Whether another try may succeed: no publisher yet, or more readers than its socket lets wait.
    pub(super) fn may_pass(&self) -> bool {
        self.is_gone() || matches!(self.why(), Why::Os { errno: Errno::AGAIN, .. })
    }

    /// Another publisher holds the path, or another process has locked its `.generation` file.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.why(), Why::Taken(_))
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.path().display();
        match self.why() {
            Why::Os { what, errno } => {
                write!(f, "cannot {what} {at}: {errno}")?;
                match *errno {
                    Errno::NAMETOOLONG => f.write_str("; a socket's path has at most 107 bytes"),
                    Errno::AGAIN if what.starts_with("connect") => f.write_str(
                        "; likely cause: more readers connect at once than the publisher takes; try again",
                    ),
                    _ => Ok(()),
                }
            }
            Why::Taken(taken) => taken.describe(f, self.path()),
            Why::Generation(why) => write!(
                f,
                "cannot publish at {at}: the file {at}.generation is damaged: {why}; remove it, and restart \
                 the readers, which hold a generation that is not known any more"
            ),
            Why::NotASocket => write!(
                f,
                "cannot publish at {at}: something other than a socket is there; move it away or choose another path"
            ),
            Why::Invalid(why) => write!(f, "the configuration for {at} is refused: {why}"),
            Why::Type(why) => write!(
                f,
                "the configuration for {at} is refused: {why}; likely cause: publisher and readers were built from different versions of the type"
            ),
            Why::Sealed(why) => {
                write!(f, "the publisher at {at} offered a file that is refused: {why}")
            }
            Why::Descriptors(n) => write!(
                f,
                "the publisher at {at} sent {n} descriptors with a generation instead of 1; if 0, see: ulimit -n"
            ),
            Why::Malformed(why) => write!(f, "the peer at {at} is not a publisher: {why}"),
            Why::Format { expected, offered } => write!(
                f,
                "the publisher at {at} offered format {offered:#x}, but this program reads {expected:#x}; start the same version of both"
            ),
            Why::Backwards { held, offered } => write!(
                f,
                "the publisher at {at} offered generation {offered}, but {held} was taken before; likely cause: its .generation file was lost; restart the readers"
            ),
            Why::Stranger { uid } => write!(
                f,
                "the publisher at {at} runs as user {uid}, who is not trusted; allow it with SubscribeOptions::trust_uid"
            ),
            Why::Gone => write!(f, "the publisher at {at} closed the connection"),
            Why::TimedOut => write!(
                f,
                "no configuration came from {at} in time; is the publisher running, and did it publish?"
            ),
        }
    }
}

impl Taken {
    fn describe(&self, f: &mut fmt::Formatter<'_>, path: &Path) -> fmt::Result {
        let at = path.display();
        write!(f, "cannot publish at {at}: ")?;
        match self.publisher {
            Some(0) => f.write_str("another publisher is running there; see: ss -xlp"),
            Some(pid) => {
                write!(f, "another publisher is running there, as process {pid}; see: ss -xlp")
            }
            None => {
                write!(
                    f,
                    "another process has locked {at}.generation, and no publisher answers there; likely \
                     cause: one that is starting or ending, or a program that locked the file; see: fuser \
                     {at}.generation"
                )?;
                match self.other_uid {
                    Some(uid) => write!(f, "; the file belongs to user {uid}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for ShareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.why() {
            Why::Os { errno, .. } => Some(errno),
            Why::Type(why) => Some(why),
            Why::Sealed(why) => Some(why),
            _ => None,
        }
    }
}

/// The failure of a call of the standard library.
pub(super) fn io_error(path: &Path, what: &'static str, error: &std::io::Error) -> ShareError {
    ShareError::os(path, what, Errno::from_io_error(error).unwrap_or(Errno::IO))
}
