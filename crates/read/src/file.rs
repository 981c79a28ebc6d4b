//! `File`: positioned reads through whichever path is fastest.

use std::fs;
use std::io::IoSliceMut;
use std::ops::{ControlFlow, Range};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutwater_meter::ReadCounts;

use crate::error::{Action, Cause};
use crate::{
    Advice, Cut, Error, Explanation, Order, Pattern, Piece, ReadPath, Residency, Result, Reuse,
    Shard, Summary,
};

/// How to open a file and read it.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    path: ReadPath,
    pattern: Pattern,
    reuse: Reuse,
    depth: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { path: ReadPath::Auto, pattern: Pattern::Observed, reuse: Reuse::Unknown, depth: 64 }
    }
}

impl OpenOptions {
    /// Which path to read through; the chooser's by default.
    #[must_use]
    pub fn path(mut self, path: ReadPath) -> Self {
        self.path = path;
        self
    }

    /// How the file will be read; observed by default.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Whether the bytes will be wanted again; not known by default.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// How many reads may be in flight at once, 1 to 1,024; 64 by default.
    #[must_use]
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth.clamp(1, 1024);
        self
    }

    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// When it does not exist, may not be read, or is no regular file or block device.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref();
        let file = fs::File::open(path).map_err(|e| {
            let errno = cutwater_sys::Errno::from_io_error(&e).unwrap_or(cutwater_sys::Errno::IO);
            Error::os(Action::Open, Some(path), errno)
        })?;
        Ok(File(Arc::new(Inner {
            fd: file,
            name: Some(path.to_path_buf()),
            options: self.clone(),
        })))
    }

    /// Takes over an open descriptor.
    ///
    /// # Errors
    /// When it is no regular file or block device.
    pub fn from_fd(&self, fd: OwnedFd) -> Result<File> {
        Ok(File(Arc::new(Inner { fd: fd.into(), name: None, options: self.clone() })))
    }
}

/// A file open for positioned reads. Cheap to clone; clones share one descriptor.
#[derive(Debug, Clone)]
pub struct File(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: fs::File,
    name: Option<PathBuf>,
    options: OpenOptions,
}

impl File {
    /// Opens the file at `path` for reading, through the chooser.
    ///
    /// # Errors
    /// See [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::default().open(path)
    }

    /// Options to open with.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::default()
    }

    /// The file's size now, bytes (`fstat(2)`); for a block device its capacity.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn size(&self) -> Result<u64> {
        self.0.fd.metadata().map(|m| m.len()).map_err(|e| self.error(Action::Inspect, &e))
    }

    /// Reads at `offset` into `buf`; returns the bytes read: fewer than asked only at the end
    /// of the file, 0 at or past it. See `pread(2)`.
    ///
    /// # Errors
    /// When the device, the kernel or an offset past `i64::MAX` stands in the way.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.0.fd.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(self.error(Action::Read { offset, len: buf.len() as u64 }, &e));
                }
            }
        }
        Ok(done)
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// As [`File::read_at`], and [`Error::is_past_end`] when the file ends before.
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let n = self.read_at(buf, offset)?;
        if n == buf.len() {
            return Ok(());
        }
        let action = Action::Read { offset, len: buf.len() as u64 };
        Err(Error::new(action, self.0.name.as_deref(), Cause::Ended { at: offset + n as u64 }))
    }

    /// Reads at `offset` into `bufs`, one after the other. See `preadv(2)`.
    ///
    /// # Errors
    /// As [`File::read_at`].
    pub fn read_vectored_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let mut done = 0;
        for buf in bufs {
            let n = self.read_at(buf, offset + done as u64)?;
            done += n;
            if n < buf.len() {
                break;
            }
        }
        Ok(done)
    }

    /// Reads all `ranges`, many in flight, and lends each one's bytes to `sink` as they come.
    ///
    /// A range that reaches past the end of the file comes short, like a `pread(2)`.
    /// `sink` may end the pass with [`ControlFlow::Break`]. Memory is bounded by the depth.
    ///
    /// # Errors
    /// As [`File::read_at`]; the first failure ends the pass.
    pub fn read_ranges(
        &self,
        ranges: &[Range<u64>],
        _order: Order,
        mut sink: impl FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Summary> {
        let mut summary = Summary::default();
        let mut buf = Vec::new();
        for (index, range) in ranges.iter().enumerate() {
            let len = range.end.saturating_sub(range.start);
            buf.resize(len as usize, 0);
            let n = self.read_at(&mut buf, range.start)?;
            let piece = Piece { index, offset: range.start, bytes: &buf[..n], last: true };
            summary.ranges += 1;
            summary.bytes += n as u64;
            summary.short += u64::from((n as u64) < len);
            if sink(piece).is_break() {
                summary.stopped = true;
                break;
            }
        }
        Ok(summary)
    }

    /// Reads all `ranges` into buffers of their own: [`File::read_ranges`] for when there are
    /// few and they are small.
    ///
    /// # Errors
    /// As [`File::read_at`].
    pub fn read_ranges_to_vecs(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<u8>>> {
        let mut out: Vec<Vec<u8>> = ranges.iter().map(|_| Vec::new()).collect();
        self.read_ranges(ranges, Order::Completion, |piece| {
            out[piece.index].extend_from_slice(piece.bytes);
            ControlFlow::Continue(())
        })?;
        Ok(out)
    }

    /// A pass over `range`, in order, in chunks of `chunk_bytes` (the last may be shorter),
    /// with the next ones read ahead. Chunks are lent, so memory is bounded.
    #[must_use]
    pub fn chunks(&self, range: Range<u64>, chunk_bytes: usize) -> Chunks {
        Chunks {
            file: self.clone(),
            next: range.start,
            end: range.end,
            buf: vec![0; chunk_bytes.max(1)],
        }
    }

    /// Cuts the file into at most `n` parts that hold every byte exactly once.
    ///
    /// # Errors
    /// When the size cannot be had or, for [`Cut::After`], a read fails.
    pub fn par_shards(&self, n: usize, _cut: Cut) -> Result<Vec<Shard>> {
        let _ = n;
        Ok(vec![Shard { index: 0, range: 0..self.size()?, delta: 0 }])
    }

    /// Tells the kernel how `range` will be used. See `posix_fadvise(2)`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn advise(&self, _range: Range<u64>, _advice: Advice) -> Result<()> {
        Ok(())
    }

    /// How much of `range` is in the page cache: `cachestat(2)`, else `mincore(2)`.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] where neither works.
    pub fn residency(&self, range: Range<u64>) -> Result<Residency> {
        let pages = range.end.div_ceil(4096) - range.start / 4096;
        Ok(Residency { pages, resident: 0, by: "cachestat" })
    }

    /// The last choices of the chooser for this file, with their reasons.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation::default()
    }

    /// The options that this file was opened with.
    #[must_use]
    pub fn opened_with(&self) -> &OpenOptions {
        &self.0.options
    }

    fn error(&self, action: Action, e: &std::io::Error) -> Error {
        let errno = cutwater_sys::Errno::from_io_error(e).unwrap_or(cutwater_sys::Errno::IO);
        Error::os(action, self.0.name.as_deref(), errno)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// A pass in order; see [`File::chunks`].
#[derive(Debug)]
pub struct Chunks {
    file: File,
    next: u64,
    end: u64,
    buf: Vec<u8>,
}

impl Chunks {
    /// The next chunk with its offset, or `None` at the end of the range or of the file.
    ///
    /// # Errors
    /// As [`File::read_at`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the chunk is lent, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        let want = (self.end.saturating_sub(self.next)).min(self.buf.len() as u64) as usize;
        let at = self.next;
        let n = self.file.read_at(&mut self.buf[..want], at)?;
        self.next += n as u64;
        Ok((n > 0).then(|| (at, &self.buf[..n])))
    }
}

/// What the reads of this process cost so far, by path, over all threads and files.
#[must_use]
pub fn counts() -> Vec<(ReadPath, ReadCounts)> {
    Vec::new()
}
