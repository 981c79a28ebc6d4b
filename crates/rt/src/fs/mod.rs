//! Files and directories, in the words of the blocking `cutwater::File`.
//!
//! Buffers are given away for the time of an operation and come back with its result, as the
//! kernel writes to them meanwhile.

mod direct;
mod file;
mod options;
mod ranges;

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cutwater_sys::ring::Op;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

pub use direct::{DirectBuf, Grid};
pub use file::{BufResult, File};
pub use options::OpenOptions;
pub use ranges::Ranges;

use crate::operation::operation;

/// Operations that are begun again after `EINTR` or `EAGAIN` at most: a kernel that says so
/// for ever is not waited for.
pub(crate) const ATTEMPTS_MAX: u32 = 64;

/// A path as the kernel takes it.
fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "a path cannot have a NUL byte in it")
    })
}

/// Runs what `make` makes, again where it was interrupted.
async fn again(mut make: impl FnMut() -> Op) -> io::Result<()> {
    for _ in 1..ATTEMPTS_MAX {
        match operation(make()).await.result {
            Err(Errno::INTR | Errno::AGAIN) => {}
            other => return other.map(drop).map_err(Into::into),
        }
    }
    operation(make()).await.result.map(drop).map_err(Into::into)
}

/// Gives `from` the name `to`, in place of what has it (`renameat2(2)`).
///
/// # Errors
/// As the call.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (c_path(from.as_ref())?, c_path(to.as_ref())?);
    again(|| Op::Rename { from: from.clone(), to: to.clone() }).await
}

/// Removes a file (`unlinkat(2)`).
///
/// # Errors
/// As the call.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    again(|| Op::Unlink { path: path.clone(), flags: AtFlags::empty() }).await
}

/// Removes an empty directory.
///
/// # Errors
/// As `unlinkat(2)`.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    again(|| Op::Unlink { path: path.clone(), flags: AtFlags::REMOVEDIR }).await
}

/// Makes a directory, with all rights that the process' mask leaves.
///
/// # Errors
/// As `mkdirat(2)`.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    again(|| Op::Mkdir { path: path.clone(), mode: Mode::from_raw_mode(0o777) }).await
}

/// The names in a directory, in no order; on a thread of the pool, as the ring has no such call.
///
/// # Errors
/// As `opendir(3)`.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    let path = path.as_ref().to_path_buf();
    let list = move || std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect();
    crate::executor::spawn_blocking(list).await.map_err(io::Error::other)?
}

/// Size, times, owner of what `path` leads to (`statx(2)`), on a thread of the pool.
///
/// # Errors
/// As the call.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<std::fs::Metadata> {
    let path = path.as_ref().to_path_buf();
    crate::executor::spawn_blocking(move || std::fs::metadata(path))
        .await
        .map_err(io::Error::other)?
}

/// Cuts the file `path` off at `len`, or extends it by a hole, on a thread of the pool: to free
/// the blocks of a large file takes a while.
///
/// # Errors
/// As [`OpenOptions::open`] for writing, and `ftruncate(2)`.
pub async fn truncate(path: impl AsRef<Path>, len: u64) -> io::Result<()> {
    let file = OpenOptions::new().read(false).write(true).open(path).await?;
    let cut = move || Ok(rustix::fs::ftruncate(file.into_fd(), len)?);
    crate::executor::spawn_blocking(cut).await.map_err(io::Error::other)?
}

/// The whole of a file.
///
/// # Errors
/// As [`File::open`] and [`File::read_at`].
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // A size of 0 may be that of a file of /proc, which has bytes all the same.
    let (mut bytes, mut n) = (vec![0; size.clamp(4096, 1 << 30)], 0);
    loop {
        let (read, back) = file.read_from(bytes, n, n as u64).await;
        bytes = back;
        match read? {
            0 => break,
            more => n += more,
        }
        if n == bytes.len() {
            bytes.resize(n.saturating_mul(2), 0);
        }
    }
    bytes.truncate(n);
    Ok(bytes)
}
