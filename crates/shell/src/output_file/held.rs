//! A file that is written before it has its name.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use rustix::process::geteuid;
use tempfile::NamedTempFile;

use super::name::directory;

/// The prefix of a file's name before it gets its own.
const PREFIX: &str = ".cutwater-";

/// The mode of new files before the umask takes from it, as in `open(2)` of other programs.
const NEW_FILE_MODE: u32 = 0o666;

/// The mode of a file that is to get the permissions of another one.
const PRIVATE_MODE: u32 = 0o600;

/// The permissions that are kept: without set-user-ID and set-group-ID, which a write clears
/// (`write(2)`).
const KEPT_MODE: u32 = 0o1777;

/// The mode bit of directories in which only owners replace files (`inode(7)`).
const STICKY: u32 = 0o1000;

/// A file that is being written.
#[derive(Debug)]
pub(super) enum Held {
    /// It has no name at all, and is gone with the program, even if that is killed (`O_TMPFILE`).
    Nameless(File),
    /// For file systems without such files; a killed program leaves it behind.
    Named(NamedTempFile),
}

impl Held {
    /// A file that can become `path`, where there is nothing.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Self::beside(path, NEW_FILE_MODE)
    }

    /// A file that can take the place of `path`, with the owner, the group and the permissions of what is
    /// `there`.
    pub(super) fn in_place_of(path: &Path, there: &Metadata) -> io::Result<Self> {
        check_replaceable(path, there)?;
        let held = Self::beside(path, PRIVATE_MODE).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => cannot_replace(),
            _ => e,
        })?;
        keep_owner(held.file(), there)?;
        let mode = there.permissions().mode() & KEPT_MODE;
        held.file().set_permissions(Permissions::from_mode(mode))?;
        Ok(held)
    }

    fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        let parent = directory(path);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match open(parent, flags, Mode::from_raw_mode(mode)) {
            Ok(file) if Path::new(&place(&file)).exists() => Ok(Self::Nameless(file.into())),
            _ => {
                let permissions = Permissions::from_mode(mode);
                let mut builder = tempfile::Builder::new();
                builder.prefix(PREFIX).permissions(permissions);
                builder.tempfile_in(parent).map(Self::Named)
            }
        }
    }

    pub(super) fn file(&self) -> &File {
        match self {
            Self::Nameless(file) => file,
            Self::Named(named) => named.as_file(),
        }
    }

    /// Gives it the name `path`, in place of what has it now.
    pub(super) fn persist(self, path: &Path) -> io::Result<()> {
        // Some file systems notice here that they have no room, or that the device failed; and after a
        // loss of power an unsynced file is empty under its name.
        self.file().sync_data()?;
        let file = match self {
            Self::Named(named) => return named.persist(path).map(drop).map_err(|e| e.error),
            Self::Nameless(file) => file,
        };
        // linkat(2) replaces no file, so it gets a temporary name first.
        let from = place(&file);
        let link = |name: &Path| {
            linkat(CWD, &from, CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
        };
        let named = tempfile::Builder::new().prefix(PREFIX).make_in(directory(path), link)?;
        named.persist(path).map(drop).map_err(|e| e.error)
    }
}

/// Checks, before anything is written, that the file may be replaced in a directory such as `/tmp`.
fn check_replaceable(path: &Path, there: &Metadata) -> io::Result<()> {
    let directory = directory(path).metadata()?;
    let own = geteuid().as_raw();
    let may = own == 0 || [directory.uid(), there.uid()].contains(&own);
    if may || directory.mode() & STICKY == 0 { Ok(()) } else { Err(cannot_replace()) }
}

/// The error for a writable file in a directory that is not writable.
fn cannot_replace() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "a whole file takes the place of the one that is there, and the directory permits this user no such \
         change; name a file in another directory, or write to the one that is there through an open \
         descriptor: /dev/fd/3 with 3>FILE",
    )
}

/// Gives `file` the owner and the group of what is `there`. Only root may give files away: other users stay
/// the owners, and keep the group if it is one of theirs (`chown(2)`).
fn keep_owner(file: &File, there: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (there.uid(), there.gid()) {
        return Ok(());
    }
    match fchown(file, Some(there.uid()), Some(there.gid())) {
        Err(_) if !geteuid().is_root() => {
            let _ = fchown(file, None, Some(there.gid()));
            Ok(())
        }
        given => given,
    }
}

/// Where a descriptor can be found (`proc_pid_fd(5)`).
fn place(file: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
