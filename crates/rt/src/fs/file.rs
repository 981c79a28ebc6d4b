//! A file, for either way to submit.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use cutwater_sys::ring::{NO_OFFSET, Op, Outcome};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::grid::Grid;
use super::submit::{OnCore, Submit};
use crate::executor::call_blocking;
use crate::operation::{BufResult, buf_result, retry};

/// A file, or a directory. Closed when it is dropped and no operation has it any more.
///
/// Its operations go to the core of this thread, or through a bridge ([`crate::bridge::File`]).
#[derive(Debug, Clone)]
pub struct File<S = OnCore> {
    fd: Arc<OwnedFd>,
    submit: S,
    /// Opened with `O_DIRECT`: nothing is answered from the page cache.
    direct: bool,
    grid: OnceLock<Grid>,
}

impl<S> AsFd for File<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl File {
    /// A file of a descriptor that is open already.
    #[must_use]
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self::with_fd(OnCore::default(), fd)
    }

    /// Copies up to `len` bytes to `target`, from the start of both, within the kernel
    /// (`copy_file_range(2)`), on a thread of the pool. Returns how many were copied.
    ///
    /// # Errors
    /// As the call.
    pub async fn copy_to(&self, target: &Self, len: u64) -> io::Result<u64> {
        let (from, to) = (Arc::clone(&self.fd), Arc::clone(&target.fd));
        call_blocking(move || Ok(copy_range(&from, &to, len)?)).await
    }
}

fn copy_range(from: &OwnedFd, to: &OwnedFd, len: u64) -> Result<u64, Errno> {
    let (mut read, mut written) = (0, 0);
    while read < len {
        let left = usize::try_from(len - read).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut written), left) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(read)
}

impl<S> File<S> {
    pub(super) fn opened(submit: S, fd: OwnedFd, direct: bool) -> Self {
        Self { fd: Arc::new(fd), submit, direct, grid: OnceLock::new() }
    }

    pub(crate) fn with_fd(submit: S, fd: OwnedFd) -> Self {
        let direct = rustix::fs::fcntl_getfl(&fd).is_ok_and(|f| f.contains(OFlags::DIRECT));
        Self::opened(submit, fd, direct)
    }

    pub(super) fn into_fd(self) -> Arc<OwnedFd> {
        self.fd
    }

    pub(super) fn fd(&self) -> &Arc<OwnedFd> {
        &self.fd
    }

    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The grid on which direct reads of this file lie. [`File::read_direct`] takes care of it.
    #[must_use]
    pub fn grid(&self) -> Grid {
        *self.grid.get_or_init(|| Grid::of_file(self.as_fd()))
    }

    /// The size in bytes now.
    ///
    /// # Errors
    /// As `fstat(2)`.
    pub fn size(&self) -> io::Result<u64> {
        Ok(u64::try_from(rustix::fs::fstat(&self.fd)?.st_size).unwrap_or(0))
    }

    /// Size, times and owner (`fstat(2)`), at once: the kernel has those of an open file in memory.
    ///
    /// # Errors
    /// As the call.
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        std::fs::File::from(self.fd.try_clone()?).metadata()
    }

    /// Cuts the file off at `len`, or extends it by a hole, at once: the kernel has what it needs in
    /// memory, and the ring has this call only since Linux 6.9.
    ///
    /// # Errors
    /// As `ftruncate(2)`.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(&self.fd, len)?)
    }

    /// Advises the kernel how the file will be used (`posix_fadvise(2)`).
    ///
    /// # Errors
    /// As the call.
    pub fn advise(&self, offset: u64, len: u64, advice: rustix::fs::Advice) -> io::Result<()> {
        let len = std::num::NonZeroU64::new(len);
        Ok(rustix::fs::fadvise(&self.fd, offset, len, advice)?)
    }
}

impl<S: Submit> File<S> {
    async fn carry_out(&self, op: Op) -> Outcome {
        retry(|op| self.submit.submit(op), op).await
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

    /// Reads into `buf[at..]`. Resident bytes are copied at once, without an operation.
    pub(super) async fn read_from(&self, mut buf: Vec<u8>, at: usize, offset: u64) -> BufResult {
        if at >= buf.len() {
            return (Ok(0), buf);
        }
        if let Some(n) = self.read_resident(&mut buf[at..], offset) {
            return (Ok(n), buf);
        }
        let file = Arc::clone(&self.fd);
        buf_result(self.carry_out(Op::Read { file, buf, at, offset }).await)
    }

    /// Reads what is in the page cache, without waiting (`preadv2(2)` with `RWF_NOWAIT`).
    fn read_resident(&self, space: &mut [u8], offset: u64) -> Option<usize> {
        // A direct read waits for the device, whatever its flags.
        if self.direct || !self.submit.belief().asks() {
            return None;
        }
        let mut asked = false;
        let answer = self.submit.inline(|| {
            asked = true;
            let bufs = &mut [IoSliceMut::new(space)];
            rustix::io::preadv2(&self.fd, bufs, offset, ReadWriteFlags::NOWAIT).ok()
        });
        if asked {
            self.submit.belief().record(answer.is_some());
        }
        answer
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

    /// Writes all of `buf` at `offset`, so that it lasts a loss of power: one operation where the
    /// kernel takes it whole (`pwritev2(2)` with `RWF_DSYNC`).
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

    async fn write_from(&self, buf: Vec<u8>, at: usize, offset: u64, synced: bool) -> BufResult {
        let file = Arc::clone(&self.fd);
        let op = if synced {
            Op::WriteSynced { file, buf, at, offset }
        } else {
            Op::Write { file, buf, at, offset }
        };
        buf_result(self.carry_out(op).await)
    }

    /// Makes what was written last a loss of power (`fdatasync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_data(&self) -> io::Result<()> {
        let op = Op::Sync { file: Arc::clone(&self.fd), data_only: true };
        Ok(self.carry_out(op).await.result.map(drop)?)
    }

    /// The same, with all metadata (`fsync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_all(&self) -> io::Result<()> {
        let op = Op::Sync { file: Arc::clone(&self.fd), data_only: false };
        Ok(self.carry_out(op).await.result.map(drop)?)
    }

    /// Reserves `len` bytes from `offset` on (`fallocate(2)`); the file grows to hold them.
    ///
    /// # Errors
    /// As the call.
    pub async fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let (file, mode) = (Arc::clone(&self.fd), FallocateFlags::empty());
        Ok(self.carry_out(Op::Allocate { file, mode, offset, len }).await.result.map(drop)?)
    }
}
