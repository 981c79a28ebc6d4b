//! Reads that are one `preadv2(2)`: into many buffers, or only of what is resident.

use std::io::IoSliceMut;
use std::os::fd::AsFd;

use cutwater_sys::Errno;
use cutwater_sys::pio::{self, ReadFlags};

use super::File;
use crate::counting::alone::Series;
use crate::pass::{self, Failed};
use crate::{ReadPath, Result};

impl File {
    /// Reads at `offset` into `bufs`, one after the other (`preadv2(2)`), with no copy and no
    /// allocation between; returns the bytes read, fewer than asked only at the end of the file.
    ///
    /// Always through the page cache by calls: the vectors are the caller's.
    ///
    /// # Errors
    /// As [`File::read_at`].
    pub fn read_vectored_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let asked = bufs.iter().fold(0u64, |sum, b| sum.saturating_add(b.len() as u64));
        self.check_bounds(offset, asked)?;
        if asked == 0 {
            return Ok(0);
        }
        let series = Series(self.0.class(), ReadPath::Preadv);
        let timed = series.start();
        let (mut rest, mut done) = (bufs, 0);
        loop {
            // A call with nothing to read would look like the end of the file.
            while rest.first().is_some_and(|b| b.is_empty()) {
                rest = &mut rest[1..];
            }
            if rest.is_empty() {
                break;
            }
            if done > 0 {
                series.continued();
            }
            series.called();
            let at = offset + done as u64;
            match pio::read_vectored(self.0.fd.as_fd(), rest, at, ReadFlags::default()) {
                Ok(0) => break,
                Ok(n) => {
                    done += n;
                    IoSliceMut::advance_slices(&mut rest, n);
                }
                Err(Errno::INTR) => series.retried(),
                Err(errno) => {
                    return Err(self.failed(Failed {
                        errno,
                        offset: at,
                        len: asked - done as u64,
                    }));
                }
            }
        }
        series.done(timed, done);
        Ok(done)
    }

    /// Reads at `offset` into `buf` only what is in the page cache (`preadv2(2)` with
    /// `RWF_NOWAIT`); none where that would wait for the device. Fewer bytes than asked mean
    /// that the rest would wait, or the end of the file.
    ///
    /// For callers that must not block. Do not use it to ask what is resident: a miss may start
    /// the kernel's read-ahead.
    ///
    /// # Errors
    /// As [`File::read_at`], and [`Error::is_unsupported`](crate::Error::is_unsupported) where the file system lacks `RWF_NOWAIT`.
    pub fn read_at_nowait(&self, buf: &mut [u8], offset: u64) -> Result<Option<usize>> {
        self.check_bounds(offset, buf.len() as u64)?;
        if buf.is_empty() {
            return Ok(Some(0));
        }
        let (len, flags) = (buf.len() as u64, ReadFlags { nowait: true, dontcache: false });
        let bufs = &mut [IoSliceMut::new(buf)];
        let series = Series(self.0.class(), ReadPath::Preadv);
        let timed = series.start();
        for _ in 0..pass::ATTEMPTS_MAX {
            series.called();
            match pio::read_vectored(self.0.fd.as_fd(), bufs, offset, flags) {
                Ok(n) => {
                    series.done(timed, n);
                    return Ok(Some(n));
                }
                Err(Errno::INTR) => series.retried(),
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(self.failed(Failed { errno, offset, len })),
            }
        }
        Ok(None)
    }
}
