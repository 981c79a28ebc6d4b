//! The plain form: a file that is replaced by rename, mapped by each reader.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_sys::Errno;
pub use cutwater_sys::promised::Promise;
use cutwater_sys::promised::PromisedMap;
use cutwater_sys::view::View;
use rustix::fs::{AtFlags, CWD, StatxFlags};
use zerocopy::IntoBytes;

use super::cell::{Cell, Generation, Reader};
use super::error::{Why, io_error};
use super::{ShareError, ShareResult, Shared};
use cutwater_maps::open::open_without_waiting;

/// Writes a validated configuration to `path`: a temporary file next to it, `fsync(2)`,
/// `rename(2)`, and `fsync(2)` of the directory.
///
/// # Errors
/// When [`Shared::validate`] refuses it, or the file cannot be written; then the old file
/// stays.
pub fn publish_file<T>(path: impl AsRef<Path>, value: &T) -> ShareResult<()>
where
    T: ?Sized + Shared + IntoBytes,
{
    let path = path.as_ref();
    value.validate().map_err(|why| ShareError::new(path, Why::Invalid(why)))?;
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = write_and_sync(&temporary, value.as_bytes())
        .and_then(|()| std::fs::rename(&temporary, path))
        .and_then(|()| File::open(directory_of(path))?.sync_all());
    written.map_err(|e| {
        // Gone already where it was the directory's fsync that failed.
        let _ = std::fs::remove_file(&temporary);
        io_error(path, "write", &e)
    })
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // One that a writer of the same number left when it died.
    let _ = std::fs::remove_file(path);
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A configuration in a file that is replaced by rename; see the [module](super).
pub struct FileConfig<T: ?Sized + Shared> {
    path: PathBuf,
    promise: Promise,
    /// Which file is in force; locked during the check.
    identity: Mutex<Identity>,
    cell: Arc<Cell<T>>,
}

/// Device, inode, length and last change.
type Identity = ((u32, u32), u64, u64, (i64, u32));

impl<T: ?Sized + Shared> FileConfig<T> {
    /// Maps the file at `path`. The [`Promise`] is what makes `&T` sound: the kernel does not
    /// keep others from changing an ordinary file.
    ///
    /// # Errors
    /// When it cannot be opened or mapped, or is refused by [`Shared::accept`].
    pub fn open(path: impl AsRef<Path>, promise: Promise) -> ShareResult<Self> {
        let path = path.as_ref();
        let (identity, view) = map(path, promise)?;
        let cell = Arc::new(Cell::new(Generation::new(1, view)));
        let path = path.to_path_buf();
        Ok(Self { path, promise, identity: Mutex::new(identity), cell })
    }

    /// Puts the file that the path names now in force, if it is another one. Returns whether it
    /// was. One `statx(2)` if nothing changed.
    ///
    /// # Errors
    /// When the new file is refused or cannot be read; the last good one stays in force.
    pub fn refresh(&self) -> ShareResult<bool> {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let now = identity_of(CWD, &self.path, AtFlags::empty())
            .map_err(|e| ShareError::os(&self.path, "inspect", e))?;
        if now == *identity {
            return Ok(false);
        }
        let (now, view) = map(&self.path, self.promise)?;
        self.cell.swap(Generation::new(self.cell.number() + 1, view));
        *identity = now;
        Ok(true)
    }

    /// The configuration in force; it stays mapped for as long as this is held.
    #[must_use]
    pub fn load(&self) -> Arc<Generation<T>> {
        self.cell.load()
    }

    /// A handle for one thread, whose reads cost one atomic load.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        Reader::new(Arc::clone(&self.cell))
    }

    /// How many files were put in force.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.cell.number()
    }
}

impl<T: ?Sized + Shared> fmt::Debug for FileConfig<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileConfig")
            .field("path", &self.path)
            .field("current", &self.cell.load())
            .finish_non_exhaustive()
    }
}

fn map<T: ?Sized + Shared>(path: &Path, promise: Promise) -> ShareResult<(Identity, View<T>)> {
    let file = open_without_waiting(path).map_err(|e| io_error(path, "open", &e))?;
    let os = |e| ShareError::os(path, "map", e);
    let identity = identity_of(file.as_fd(), Path::new(""), AtFlags::EMPTY_PATH).map_err(os)?;
    let map = PromisedMap::new(file.as_fd(), promise).map_err(os)?;
    let refuse = |why| ShareError::new(path, why);
    let view = View::<T>::promised(map).map_err(|e| refuse(Why::Type(e)))?;
    view.accept().map_err(|e| refuse(Why::Invalid(e)))?;
    Ok((identity, view))
}

fn identity_of(
    directory: std::os::fd::BorrowedFd<'_>,
    path: &Path,
    flags: AtFlags,
) -> Result<Identity, Errno> {
    let wanted = StatxFlags::INO | StatxFlags::SIZE | StatxFlags::CTIME;
    let s = rustix::fs::statx(directory, path, flags, wanted)?;
    let ctime = (s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec);
    Ok(((s.stx_dev_major, s.stx_dev_minor), s.stx_ino, s.stx_size, ctime))
}
