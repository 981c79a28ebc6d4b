//! What the page cache and the map hold of a file, and advice to the kernel about them.

use std::ops::{Range, RangeBounds};
use std::os::fd::AsFd;

use cutwater_maps::MapAdvice;
use cutwater_sys::buffer::PAGE_BYTES;
use cutwater_sys::residency;

use super::{File, bounds};
use crate::error::{Action, Error};
use crate::report::Residency;
use crate::{Advice, Result};

impl File {
    /// How much of `range` is in the page cache: `cachestat(2)`, else `mincore(2)`.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] or [`Error::is_permission_denied`] where neither answers.
    pub fn residency(&self, range: impl RangeBounds<u64>) -> Result<Residency> {
        let range = bounds(&range);
        let page = PAGE_BYTES as u64;
        let start = range.start - range.start % page;
        let end = range.end.min(self.size()?).max(start);
        let pages = (end - start).div_ceil(page);
        let fd = self.0.fd.as_fd();
        let counted = match residency::cachestat(fd, start..end) {
            Ok(stat) => Ok((stat.cached, "cachestat")),
            Err(_) => residency::mincore(fd, start..end).map(|n| (n, "mincore")),
        };
        let (resident, by) =
            counted.map_err(|e| Error::os(Action::AskResidency, self.0.path(), e))?;
        Ok(Residency { pages, resident: resident.min(pages), by })
    }

    /// Advises the kernel how `range` will be used (`posix_fadvise(2)`); an empty range at 0 means
    /// the whole file, and an empty one elsewhere nothing.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn advise(&self, range: Range<u64>, advice: Advice) -> Result<()> {
        use rustix::fs::Advice as Raw;
        let raw = match advice {
            Advice::Normal => Raw::Normal,
            Advice::Sequential => Raw::Sequential,
            Advice::Random => Raw::Random,
            Advice::WillNeed => Raw::WillNeed,
            Advice::DontNeed => Raw::DontNeed,
            Advice::NoReuse => Raw::NoReuse,
        };
        let len = std::num::NonZeroU64::new(range.end.saturating_sub(range.start));
        // To the kernel a length of 0 means "to the end".
        if len.is_none() && range != (0..0) {
            return Ok(());
        }
        rustix::fs::fadvise(&self.0.fd, range.start, len, raw)
            .map_err(|e| Error::os(Action::Advise, self.0.path(), e))
    }

    /// Advises the kernel how the map of the file will be used in `range` (`madvise(2)`); maps the
    /// file if that was not done yet. An empty range at 0 means the whole file; what lies past
    /// the size that the file had when it was mapped is left out.
    ///
    /// # Errors
    /// When the file cannot be mapped or the kernel does not have this advice
    /// ([`Error::is_unsupported`]); [`MapAdvice::PopulateRead`] also where a page cannot be read.
    pub fn advise_map(&self, range: Range<u64>, advice: MapAdvice) -> Result<()> {
        let size = self.0.size_at_open;
        let range = if range == (0..0) { 0..size } else { range };
        if size == 0 {
            return Ok(());
        }
        let map = self
            .0
            .map()
            .map_err(|e| Error::os(Action::Map { offset: 0, len: size }, self.0.path(), e))?;
        map.advise(range, advice).map_err(|e| Error::os(Action::Advise, self.0.path(), e))
    }

    /// Keeps this process small: where the file is mapped, forgets the page tables of `range`,
    /// which count as memory of the process that reads a map. What is in the page cache stays there.
    /// Does nothing where no path has mapped the file.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn trim_map(&self, range: Range<u64>) -> Result<()> {
        let Some(map) = self.0.made_map() else { return Ok(()) };
        map.advise(range, MapAdvice::DontNeed)
            .map_err(|e| Error::os(Action::Advise, self.0.path(), e))
    }
}
