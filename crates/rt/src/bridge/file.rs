//! A file for any executor.

use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cutwater_sys::ring::Op;
use rustix::io::{Errno, ReadWriteFlags};

use super::Bridge;
use crate::fs::ATTEMPTS_MAX;

/// Misses in a row after which a file is not asked for resident bytes, and reads after which it
/// is asked again; see `fs::File`.
const MISSES_MAX: u32 = 4;
const ASK_AGAIN: u32 = 256;

/// What is believed of the page cache.
#[derive(Debug, Default)]
struct Belief {
    misses: AtomicU32,
    unasked: AtomicU32,
}

/// A file for any executor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct File {
    bridge: Bridge,
    fd: Arc<OwnedFd>,
    belief: Arc<Belief>,
}

impl File {
    pub(super) fn new(bridge: Bridge, fd: OwnedFd) -> Self {
        Self { bridge, fd: Arc::new(fd), belief: Arc::default() }
    }

    /// Reads at `offset` into `buf`, as many bytes as there are and fit; 0 at the end.
    ///
    /// # Errors
    /// As `pread(2)`.
    pub async fn read_at(&self, mut buf: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        if let Some(n) = self.read_resident(&mut buf, offset) {
            return (Ok(n), buf);
        }
        for _ in 0..ATTEMPTS_MAX {
            let op = Op::Read { file: Arc::clone(&self.fd), buf, at: 0, offset };
            let mut outcome = self.bridge.run(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
        (Err(Errno::AGAIN.into()), buf)
    }

    /// Writes `buf` at `offset`; may write fewer bytes.
    ///
    /// # Errors
    /// As `pwrite(2)`.
    pub async fn write_at(&self, buf: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        self.write_from(buf, 0, offset).await
    }

    /// Writes all of `buf` at `offset`.
    ///
    /// # Errors
    /// As `pwrite(2)`.
    pub async fn write_all_at(&self, mut buf: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
        let mut at = 0;
        while at < buf.len() {
            let (written, back) = self.write_from(buf, at, offset.saturating_add(at as u64)).await;
            buf = back;
            match written {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(n) => at += n,
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
    ) -> (io::Result<usize>, Vec<u8>) {
        for _ in 0..ATTEMPTS_MAX {
            let op = Op::Write { file: Arc::clone(&self.fd), buf, at, offset };
            let mut outcome = self.bridge.run(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
        (Err(Errno::AGAIN.into()), buf)
    }

    /// Makes what was written last a loss of power (`fdatasync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.sync(true).await
    }

    /// The same, with all metadata (`fsync(2)`).
    ///
    /// # Errors
    /// As the call.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.sync(false).await
    }

    async fn sync(&self, data_only: bool) -> io::Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let op = Op::Sync { file: Arc::clone(&self.fd), data_only };
            match self.bridge.run(op).await.result {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return Ok(other.map(drop)?),
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// Size in bytes now.
    ///
    /// # Errors
    /// As `fstat(2)`.
    pub fn size(&self) -> io::Result<u64> {
        Ok(u64::try_from(rustix::fs::fstat(&self.fd)?.st_size).unwrap_or(0))
    }

    fn read_resident(&self, space: &mut [u8], offset: u64) -> Option<usize> {
        let Belief { misses, unasked } = &*self.belief;
        if misses.load(Ordering::Relaxed) >= MISSES_MAX
            && !unasked.fetch_add(1, Ordering::Relaxed).is_multiple_of(ASK_AGAIN)
        {
            return None;
        }
        let bufs = &mut [IoSliceMut::new(space)];
        match rustix::io::preadv2(&self.fd, bufs, offset, ReadWriteFlags::NOWAIT) {
            Ok(n) => {
                misses.store(0, Ordering::Relaxed);
                Some(n)
            }
            Err(_) => {
                misses.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}
