//! `File`: positioned reads through whichever path is fastest.

mod advice;
mod chunks;
mod copy;
pub(crate) mod core;
mod direct;
pub(crate) mod engine;
mod explain;
mod file_ring;
mod gather;
mod open;
pub(crate) mod opened;
mod options;
mod reader;
mod reads;
mod shards;
mod vectored;
mod view;

use std::ops::{Bound, ControlFlow, Range, RangeBounds};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use cutwater_maps::WholeMap;
use cutwater_sys::pio::OFFSET_MAX;

pub use chunks::Chunks;
pub use options::OpenOptions;
pub use reader::Reader;

use self::core::Core;
use self::engine::Engine;
use self::gather::Call;
use crate::error::{Action, Cause};
use crate::pass::Failed;
use crate::pass::source::Source;
use crate::report::Explanation;
use crate::{Error, Order, Piece, Result, Summary};

/// A file open for positioned reads. Cheap to clone; clones share one descriptor.
///
/// # What it does
/// Reads at offsets from any number of threads, through the page cache or past it, one at a
/// time or many in flight, as the caller says or as the chooser measures best; continues short
/// reads; says why it chose what it chose ([`File::explain`]).
///
/// # What it does not do
/// It keeps no position and writes nothing. It never lends bytes that somebody else can change:
/// what it lends was copied, by the kernel or from the map, into memory of its own.
#[derive(Debug, Clone)]
pub struct File(pub(crate) Arc<Core>);

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

    /// The options that this file was opened with.
    #[must_use]
    pub fn opened_with(&self) -> &OpenOptions {
        &self.0.options
    }

    /// The file's size now, bytes (`fstat(2)`); for a block device its capacity.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn size(&self) -> Result<u64> {
        self.0.size().map_err(|e| Error::os(Action::Inspect, self.0.path(), e))
    }

    /// Reads at `offset` into `buf`; returns the bytes read: fewer than asked only at the end
    /// of the file, 0 at or past it. See `pread(2)`.
    ///
    /// # Errors
    /// When the device or the kernel fails, and [`Error::is_out_of_bounds`] for an offset that
    /// no file has.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.check_bounds(offset, buf.len() as u64)?;
        if buf.is_empty() {
            return Ok(0);
        }
        let call = Call::one(buf.len());
        self.with_engine(|engine| reads::read_at(&self.0, engine, &call, buf, offset))
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// As [`File::read_at`]; when the file ends before, [`Error::is_past_end`], or
    /// [`Error::is_truncated`] if it was long enough when it was opened.
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let n = self.read_at(buf, offset)?;
        if n == buf.len() {
            return Ok(());
        }
        let (at, end) = (offset + n as u64, offset + buf.len() as u64);
        let was_longer = end <= self.0.size_at_open;
        let cause = if was_longer { Cause::Truncated { at } } else { Cause::Ended { at } };
        let action = Action::Read { offset, len: buf.len() as u64 };
        Err(Error::new(action, self.0.path(), cause))
    }

    /// Reads all `ranges`, many in flight, and lends each one's bytes to `sink` as they come.
    ///
    /// The first-class call for ranges that are known ahead: what is resident is copied while
    /// the device works on the rest; neighbours in the list that miss are read together. A
    /// range that reaches past the end of the file comes short, like a `pread(2)`; one longer
    /// than 1 MiB comes in pieces, in order (then all ranges come in the order of the list).
    /// `sink` may end the pass with [`ControlFlow::Break`] and may itself read. Memory is bounded
    /// by the ring's arena, 8 MiB, whatever the ranges.
    ///
    /// # Errors
    /// As [`File::read_at`]; the first failure ends the pass.
    pub fn read_ranges(
        &self,
        ranges: &[Range<u64>],
        order: Order,
        sink: impl FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Result<Summary> {
        for range in ranges {
            self.check_bounds(range.start, range.end.saturating_sub(range.start))?;
        }
        self.with_engine(|engine| reads::read_ranges(&self.0, engine, ranges, order, sink))
    }

    /// Reads all `ranges` into buffers of their own: [`File::read_ranges`] for when there are
    /// few and they are small. The buffers grow as bytes come, so a range far past the end of
    /// the file takes no memory.
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

    /// The last choices of the chooser for this file, with their reasons.
    ///
    /// Threads record what they read every thousand ranges or when the plan changes, so the
    /// latest counts may be missing; the ring is the one of the thread that asks.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let core = &self.0;
        let ring = engine::with(|engine| {
            engine.views.get(core.id).flush(&core.choices);
            let iopoll = core.iopoll_refused();
            [true, false]
                .into_iter()
                .find_map(|direct| engine.ring_report(core.ring_options(direct), iopoll))
        });
        let choices = core.choices.lock().unwrap_or_else(PoisonError::into_inner);
        Explanation { ring: ring.ok().flatten(), ..choices.explanation() }
    }

    /// Closes the file: unmaps it and says whether that went well. Without a call of this,
    /// the last clone that is dropped does the same and is silent.
    ///
    /// # Errors
    /// When the map cannot be removed. Other clones keep the file open: that is not an error.
    pub fn close(self) -> Result<()> {
        let Ok(mut core) = Arc::try_unwrap(self.0) else { return Ok(()) };
        match core.take_map().map(WholeMap::unmap) {
            Some(Err(e)) => Err(Error::os(Action::Unmap, core.path(), e)),
            _ => Ok(()),
        }
    }

    /// [`File::read_at`] for a pass in order.
    pub(crate) fn stream_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.check_bounds(offset, buf.len() as u64)?;
        let call = Call { streams: true, ..Call::one(buf.len()) };
        if buf.is_empty() {
            return Ok(0);
        }
        self.with_engine(|engine| reads::read_at(&self.0, engine, &call, buf, offset))
    }

    fn with_engine<T>(
        &self,
        f: impl FnOnce(&mut Engine) -> std::result::Result<T, Failed>,
    ) -> Result<T> {
        match engine::with(f) {
            Ok(outcome) => outcome.map_err(|failed| self.failed(failed)),
            Err(errno) => Err(self.failed(Failed { errno, offset: 0, len: 0 })),
        }
    }

    fn failed(&self, failed: Failed) -> Error {
        let Failed { offset, len, .. } = failed;
        let action = if len == 0 { Action::Queue } else { Action::Read { offset, len } };
        Error::os(action, self.0.path(), failed.errno)
    }

    /// No file reaches past [`OFFSET_MAX`]; a range that would is refused before any call.
    fn check_bounds(&self, offset: u64, len: u64) -> Result<()> {
        if offset.checked_add(len).is_some_and(|end| end <= OFFSET_MAX) {
            return Ok(());
        }
        Err(Error::new(Action::Read { offset, len }, self.0.path(), Cause::OutOfBounds))
    }
}

/// Takes over an open file, through the chooser; see [`OpenOptions::from_fd`].
impl TryFrom<OwnedFd> for File {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        OpenOptions::default().from_fd(fd)
    }
}

/// Takes over an open file, through the chooser; see [`OpenOptions::from_fd`]. Its position is
/// ignored.
impl TryFrom<std::fs::File> for File {
    type Error = Error;

    fn try_from(file: std::fs::File) -> Result<Self> {
        Self::try_from(OwnedFd::from(file))
    }
}

/// A range of any form; one without an end reaches past the end of every file.
fn bounds(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(&at) => at,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}
