//! `Frozen`: bytes of a file that cannot change, by proof.

use std::fs;
use std::io::Read;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cutwater_sys::Errno;
use cutwater_sys::lease::Leased;
pub use cutwater_sys::lease::{LeaseCounters, LeaseOptions, LeaseState, counters as lease_counts};
use cutwater_sys::sealed::{Refused, SealedMap};

use crate::error::{Action, Cause};
use crate::open::{not_a_file, open_without_waiting};
use crate::{Error, Result};

/// A whole file as `&[u8]`, which no other process can change while it is held.
///
/// What that rests on is the caller's choice: the seals of a memfd, a read lease, or a copy.
///
/// ```
/// use cutwater_maps::{Frozen, LeaseOptions};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("data");
/// # std::fs::write(&path, "frozen")?;
/// let frozen = match Frozen::by_lease(&path, &LeaseOptions::default()) {
///     Ok(frozen) => frozen,
///     Err(_) => Frozen::copy_of(&path, 1 << 20)?,
/// };
/// std::fs::write(&path, "something else")?;
/// assert_eq!(&frozen[..], b"frozen");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Frozen(Proof);

#[derive(Debug)]
enum Proof {
    Sealed(SealedMap),
    Lease(Leased),
    Copy(Box<[u8]>),
}

/// What a [`Frozen`] rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrozenBy {
    /// A memfd sealed against every change.
    Seals,
    /// A read lease, and what became of it.
    Lease(LeaseState),
    /// A copy in memory of its own.
    Copy,
}

impl Frozen {
    /// Maps a memfd that carries `F_SEAL_WRITE`, `F_SEAL_SHRINK`, `F_SEAL_GROW` and
    /// `F_SEAL_SEAL`.
    ///
    /// # Errors
    /// When it is not a memfd, lacks a seal, or cannot be mapped.
    pub fn from_memfd(fd: impl AsFd) -> Result<Self> {
        let map = SealedMap::new(fd.as_fd(), None).map_err(|refused| {
            let cause = match refused {
                Refused::Os(errno) => Cause::Os(errno),
                refused => Cause::Unsupported(refused.to_string()),
            };
            Error::new(Action::Store("freeze"), None, cause)
        })?;
        Ok(Self(Proof::Sealed(map)))
    }

    /// Maps the file at `path` under a read lease. See `F_SETLEASE` in `fcntl(2)`.
    ///
    /// **Another program that opens the file for writing, or truncates it, waits** while the
    /// bytes are copied: about 0.55 s for 256 MiB in the page cache. Then it goes on, and
    /// this keeps the copy. Starts a thread, which waits for that; installs no handler.
    /// Where the copy cannot be had in a quarter of the kernel's lease-break time, a load
    /// from the slice ends the process rather than return another byte. A child made by
    /// `fork(2)` does not have the bytes: there it is empty, and a slice from before the fork
    /// must not be used.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] on file systems where leases were not shown to hold (those
    /// are ext2 to ext4 and tmpfs), and when the file is longer than
    /// [`LeaseOptions::size_max`]; [`Error::is_locked`] (`EAGAIN`) when somebody has it open for
    /// writing, `EACCES` when it belongs to another user, `ENOLCK` when 64 leases are held.
    pub fn by_lease(path: impl AsRef<Path>, options: &LeaseOptions) -> Result<Self> {
        let path = path.as_ref();
        let leased = Leased::open(path, options).map_err(|errno| refusal(path, errno))?;
        Ok(Self(Proof::Lease(leased)))
    }

    /// Reads the file at `path` into memory, where it is at most `size_max` bytes long.
    ///
    /// Each byte is one the file had at some moment of the reading; a file that is being
    /// written can be caught half way.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is not a file; [`Error::is_unsupported`] when it is longer.
    pub fn copy_of(path: impl AsRef<Path>, size_max: u64) -> Result<Self> {
        let path = path.as_ref();
        let failed = |e: std::io::Error| {
            Error::os(Action::Open, Some(path), Errno::from_io_error(&e).unwrap_or(Errno::IO))
        };
        Self::copy_from(&open_without_waiting(path).map_err(failed)?, size_max, Some(path))
    }

    /// The same for an open descriptor; reads from its offset 0 on.
    ///
    /// # Errors
    /// As [`Frozen::copy_of`].
    pub fn copy_of_fd(fd: OwnedFd, size_max: u64) -> Result<Self> {
        Self::copy_from(&fs::File::from(fd), size_max, None)
    }

    fn copy_from(file: &fs::File, size_max: u64, path: Option<&Path>) -> Result<Self> {
        let failed = |e: std::io::Error| {
            let errno = Errno::from_io_error(&e).unwrap_or(Errno::IO);
            Error::os(Action::Copy { offset: 0 }, path, errno)
        };
        let too_long = || {
            let text = format!("it is longer than the {size_max} bytes that were allowed");
            Error::new(Action::Copy { offset: 0 }, path, Cause::Unsupported(text))
        };
        let metadata = file.metadata().map_err(failed)?;
        let kind = rustix::fs::FileType::from_raw_mode(metadata.mode());
        if let Some(kind) = not_a_file(kind) {
            return Err(Error::new(Action::Open, path, Cause::Kind(kind)));
        }
        rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0)).map_err(|e| failed(e.into()))?;
        let size = metadata.len();
        if size > size_max {
            return Err(too_long());
        }
        let mut bytes = Vec::new();
        let reserved = usize::try_from(size).is_ok_and(|n| bytes.try_reserve_exact(n).is_ok());
        if !reserved {
            return Err(failed(Errno::NOMEM.into()));
        }
        // One more than allowed, so that a file that grew meanwhile is noticed.
        file.take(size_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > size_max {
            Err(too_long())
        } else {
            Ok(Self(Proof::Copy(bytes.into())))
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Proof::Sealed(map) => map.bytes(),
            Proof::Lease(leased) => leased.bytes(),
            Proof::Copy(bytes) => bytes,
        }
    }

    /// What it rests on now.
    #[must_use]
    pub fn by(&self) -> FrozenBy {
        match &self.0 {
            Proof::Sealed(_) => FrozenBy::Seals,
            Proof::Lease(leased) => FrozenBy::Lease(leased.state()),
            Proof::Copy(_) => FrozenBy::Copy,
        }
    }

    /// Unmaps, and gives a lease up. Dropping does the same, and hides a failure.
    ///
    /// # Errors
    /// When the kernel refuses to unmap.
    pub fn close(self) -> Result<()> {
        let unmapped = match self.0 {
            Proof::Sealed(map) => map.close(),
            Proof::Lease(leased) => leased.close(),
            Proof::Copy(_) => Ok(()),
        };
        unmapped.map_err(|errno| Error::os(Action::Unmap, None, errno))
    }
}

impl Deref for Frozen {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

fn refusal(path: &Path, errno: Errno) -> Error {
    let action = Action::Lease;
    let text = match errno {
        Errno::OPNOTSUPP => {
            "leases were not shown to hold on its file system, or /proc/sys/fs/lease-break-time is under 4 s; use Frozen::copy_of"
        }
        Errno::FBIG => "it is longer than LeaseOptions::size_max; raise that, or use Mapped",
        Errno::RANGE => {
            let why =
                "LeaseOptions::signal cannot be waited for; choose one from SIGRTMIN to SIGRTMAX";
            return Error::new(action, Some(path), Cause::Refused(why));
        }
        Errno::INVAL => return Error::new(action, Some(path), Cause::Kind("not a regular file")),
        errno => return Error::os(action, Some(path), errno),
    };
    Error::new(action, Some(path), Cause::Unsupported(text.into()))
}
