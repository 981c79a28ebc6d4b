//! A file.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use cutwater_sys::ring::{NO_OFFSET, Op};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::{ATTEMPTS_MAX, Grid, OpenOptions, Ranges, again};
use crate::executor::Core;
use crate::operation::operation;

/// A result, and the buffer that was given.
pub type BufResult = (io::Result<usize>, Vec<u8>);

/// Misses in a row after which a file is not asked for resident bytes any more, as each question
/// that misses costs a call and may begin a read ahead that nobody wants.
const MISSES_MAX: u32 = 4;

/// Reads after which it is asked again.
const ASK_AGAIN: u32 = 256;

/// A file, or a directory. Closed when dropped, once no operation has it any more.
#[derive(Debug)]
pub struct File {
    fd: Arc<OwnedFd>,
    misses: Cell<u32>,
    unasked: Cell<u32>,
    /// Nothing of it is answered from the page cache.
    pub(super) direct: bool,
    pub(super) grid: Cell<Option<Grid>>,
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl File {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().open(path).await
    }

    /// Opens `path` for writing; makes it where there is none, and empties it.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(true);
        options.open(path).await
    }

    /// Of a descriptor that is open already.
    #[must_use]
    pub fn from_fd(fd: OwnedFd) -> Self {
        let direct = rustix::fs::fcntl_getfl(&fd).is_ok_and(|f| f.contains(OFlags::DIRECT));
        Self::opened(fd, direct)
    }

    pub(super) fn opened(fd: OwnedFd, direct: bool) -> Self {
        let (misses, unasked) = (Cell::new(0), Cell::new(0));
        Self { fd: Arc::new(fd), misses, unasked, direct, grid: Cell::new(None) }
    }

    /// The descriptor, which nothing else has where no operation is under way.
    pub(super) fn into_fd(self) -> Arc<OwnedFd> {
        self.fd
    }

    pub(super) fn fd(&self) -> &Arc<OwnedFd> {
        &self.fd
    }

    /// Reads at `offset` into `buf`, as many bytes as there are and fit; 0 at the end.
    ///
    /// # Errors
    /// As `pread(2)`.
    pub async fn read_at(&self, buf: Vec<u8>, offset: u64) -> BufResult {
        self.read_from(buf, 0, offset).await
    }

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// As `pread(2)`, and [`io::ErrorKind::UnexpectedEof`] where the file ends before.
    pub async fn read_exact_at(&self, mut buf: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        let mut done = 0;
        while done < buf.len() {
            let (read, back) = self.read_from(buf, done, offset.saturating_add(done as u64)).await;
            buf = back;
            match read {
                Ok(0) => return (Err(io::ErrorKind::UnexpectedEof.into()), buf),
                Ok(n) => done += n,
                Err(e) => return (Err(e), buf),
            }
        }
        (Ok(()), buf)
    }

    /// Reads into `buf[at..]`. What is resident is copied at once, without an operation.
    pub(super) async fn read_from(&self, mut buf: Vec<u8>, at: usize, offset: u64) -> BufResult {
        if at >= buf.len() {
            return (Ok(0), buf);
        }
        if let Some(n) = self.read_resident(&mut buf[at..], offset) {
            return (Ok(n), buf);
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let op = Op::Read { file: Arc::clone(&self.fd), buf, at, offset };
            let mut outcome = operation(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) if attempts < ATTEMPTS_MAX => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
    }

    /// What is in the page cache, without waiting (`preadv2(2)` with `RWF_NOWAIT`).
    fn read_resident(&self, space: &mut [u8], offset: u64) -> Option<usize> {
        // Such a read waits for the device, whatever it is asked.
        if self.direct {
            return None;
        }
        if self.misses.get() >= MISSES_MAX {
            self.unasked.set(self.unasked.get() + 1);
            if self.unasked.get() < ASK_AGAIN {
                return None;
            }
            self.unasked.set(0);
        }
        let mut asked = false;
        let answer = Core::inline(|| {
            asked = true;
            let bufs = &mut [IoSliceMut::new(space)];
            rustix::io::preadv2(&self.fd, bufs, offset, ReadWriteFlags::NOWAIT).ok()
        });
        match answer {
            Some(_) => self.misses.set(0),
            None if asked => self.misses.set(self.misses.get().saturating_add(1)),
            None => {}
        }
        answer
    }

    /// Reads ranges that are known ahead, in the order in which they come; see [`Ranges`].
    #[must_use]
    pub fn read_ranges(&self, ranges: Vec<std::ops::Range<u64>>) -> Ranges<'_> {
        Ranges::new(self, ranges)
    }

    /// Writes `buf` at `offset`; may write fewer bytes.
    ///
    /// # Errors
    /// As `pwrite(2)`.
    pub async fn write_at(&self, buf: Vec<u8>, offset: u64) -> BufResult {
        self.write_from(buf, 0, offset, false).await
    }

    /// Writes all of `buf` at `offset`.
    ///
    /// # Errors
    /// As `pwrite(2)`.
    pub async fn write_all_at(&self, buf: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        self.write_all_from(buf, |done| offset.saturating_add(done), false).await
    }

    /// Writes all of `buf` at `offset`, and makes it last a loss of power: one operation where
    /// the kernel takes it whole (`pwritev2(2)` with `RWF_DSYNC`).
    ///
    /// # Errors
    /// As the call.
    pub async fn write_all_synced(&self, buf: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        self.write_all_from(buf, |done| offset.saturating_add(done), true).await
    }

    /// Writes all of `buf` at the end; the file must have been opened for that.
    ///
    /// # Errors
    /// As `write(2)`.
    pub async fn append(&self, buf: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.write_all_from(buf, |_| NO_OFFSET, false).await
    }

    async fn write_all_from(
        &self,
        mut buf: Vec<u8>,
        offset: impl Fn(u64) -> u64,
        synced: bool,
    ) -> (io::Result<()>, Vec<u8>) {
        let mut done = 0;
        while done < buf.len() {
            let (written, back) = self.write_from(buf, done, offset(done as u64), synced).await;
            buf = back;
            match written {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(n) => done += n,
                Err(e) => return (Err(e), buf),
            }
        }
        (Ok(()), buf)
    }

    async fn write_from(
        &self,
        mut buf: Vec<u8>,
        at: usize,
        offset: u64,
        synced: bool,
    ) -> BufResult {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let file = Arc::clone(&self.fd);
            let op = if synced {
                Op::WriteSynced { file, buf, at, offset }
            } else {
                Op::Write { file, buf, at, offset }
            };
            let mut outcome = operation(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) if attempts < ATTEMPTS_MAX => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
    }

    /// Makes what was written last a loss of power (`fdatasync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_data(&self) -> io::Result<()> {
        again(|| Op::Sync { file: Arc::clone(&self.fd), data_only: true }).await
    }

    /// The same, with all metadata (`fsync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_all(&self) -> io::Result<()> {
        again(|| Op::Sync { file: Arc::clone(&self.fd), data_only: false }).await
    }

    /// Reserves `len` bytes from `offset` on (`fallocate(2)`); the file grows to hold them.
    ///
    /// # Errors
    /// As the call.
    pub async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let mode = FallocateFlags::empty();
        again(|| Op::Allocate { file: Arc::clone(&self.fd), mode, offset, len }).await
    }

    /// Cuts the file off at `len`, or extends it by a hole. Here and now: the kernel has what it
    /// takes at hand, and the ring has this call only from Linux 6.9 on.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(&self.fd, len)?)
    }

    /// Size, times, owner (`fstat(2)`): of an open file the kernel has them at hand.
    ///
    /// # Errors
    /// As the call.
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        std::fs::File::from(self.fd.try_clone()?).metadata()
    }

    /// Tells the kernel how the file will be used (`posix_fadvise(2)`).
    ///
    /// # Errors
    /// As the call.
    pub fn advise(&self, offset: u64, len: u64, advice: rustix::fs::Advice) -> io::Result<()> {
        let len = std::num::NonZeroU64::new(len);
        Ok(rustix::fs::fadvise(&self.fd, offset, len, advice)?)
    }

    /// Copies `len` bytes to `target`, from the start of both, within the kernel
    /// (`copy_file_range(2)`) on a thread of the pool; how many were copied.
    ///
    /// # Errors
    /// As the call.
    pub async fn copy_to(&self, target: &Self, len: u64) -> io::Result<u64> {
        let (from, to) = (Arc::clone(&self.fd), Arc::clone(&target.fd));
        let copy = move || {
            let (mut read, mut written) = (0, 0);
            while read < len {
                let left = usize::try_from(len - read).unwrap_or(usize::MAX);
                match rustix::fs::copy_file_range(
                    &from,
                    Some(&mut read),
                    &to,
                    Some(&mut written),
                    left,
                ) {
                    Ok(0) => break,
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            Ok(read)
        };
        Ok(crate::executor::spawn_blocking(copy).await.map_err(io::Error::other)??)
    }
}
