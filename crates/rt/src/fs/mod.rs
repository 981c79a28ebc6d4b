//! Files and directories, with the names of the blocking `cutwater::File`.
//!
//! A buffer is passed by value and comes back with the result, as the kernel writes to it meanwhile.

mod direct;
mod file;
mod grid;
mod options;
mod path;
mod ranges;
pub(crate) mod submit;

use std::ffi::OsString;
use std::io;
use std::path::Path;

use cutwater_sys::ring::Op;
pub use rustix::fs::{Advice, ResolveFlags};
use rustix::fs::{AtFlags, Mode};

pub use direct::DirectBuf;
pub use file::File;
pub use grid::Grid;
pub use options::OpenOptions;
use path::c_path;
pub use ranges::Ranges;
pub use submit::{OnCore, Submit};

use crate::executor::call_blocking;
pub use crate::operation::BufResult;
use crate::operation::{operation, retry};

/// Carries `op` out, whose result is only whether it failed.
async fn carry_out(op: Op) -> io::Result<()> {
    Ok(retry(operation, op).await.result.map(drop)?)
}

/// Renames `from` to `to`, and replaces what has that name (`renameat2(2)`).
///
/// # Errors
/// As the call.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (c_path(from.as_ref())?, c_path(to.as_ref())?);
    carry_out(Op::Rename { from, to }).await
}

/// Removes a file (`unlinkat(2)`).
///
/// # Errors
/// As the call.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    carry_out(Op::Unlink { path, flags: AtFlags::empty() }).await
}

/// Removes an empty directory.
///
/// # Errors
/// As `unlinkat(2)`.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    carry_out(Op::Unlink { path, flags: AtFlags::REMOVEDIR }).await
}

/// Makes a directory, with all permissions that the process's mask leaves.
///
/// # Errors
/// As `mkdirat(2)`.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = c_path(path.as_ref())?;
    carry_out(Op::Mkdir { path, mode: Mode::from_raw_mode(0o777) }).await
}

/// The names in a directory, in no order, on a thread of the pool: the ring has no such call.
///
/// # Errors
/// As `opendir(3)`.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    let path = path.as_ref().to_path_buf();
    let list = move || std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect();
    call_blocking(list).await
}

/// Size, times and owner of the file at `path` (`statx(2)`), on a thread of the pool.
///
/// # Errors
/// As the call.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<std::fs::Metadata> {
    let path = path.as_ref().to_path_buf();
    call_blocking(move || std::fs::metadata(path)).await
}

/// Cuts the file at `path` off at `len`, or extends it by a hole, on a thread of the pool: freeing the
/// blocks of a large file takes a while.
///
/// # Errors
/// As [`OpenOptions::open`] for writing, and `ftruncate(2)`.
pub async fn truncate(path: impl AsRef<Path>, len: u64) -> io::Result<()> {
    let file = File::options().read(false).write(true).open(path).await?;
    let cut = move || Ok(rustix::fs::ftruncate(file.into_fd(), len)?);
    call_blocking(cut).await
}

/// Reads a whole file.
///
/// # Errors
/// As [`File::open`] and [`File::read_at`].
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // A file of /proc has a size of 0 and bytes all the same.
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
