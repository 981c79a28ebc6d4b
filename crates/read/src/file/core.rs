//! An open file as the kernel has it: its descriptors, its map, what it can do.

use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use cutwater_maps::{MapAdvice, WholeMap};
use cutwater_sys::Errno;
use cutwater_sys::buffer::{Buffer, PAGE_BYTES};
use cutwater_sys::pio::{self, ReadFlags, Vectors};
use cutwater_sys::{probe, residency};

use super::direct::Direct;
use super::explain::ChoiceLog;
use super::options::OpenOptions;
use crate::pass::lane::Lane;
use crate::pass::source::Source;
use crate::{FileClass, Pattern, RingOptions};

/// What all clones of a file share.
#[derive(Debug)]
pub(crate) struct Core {
    /// Identifies the file in what a thread remembers; never used twice.
    pub(crate) id: u64,
    pub(crate) fd: Arc<OwnedFd>,
    pub(crate) name: Option<PathBuf>,
    pub(crate) options: OpenOptions,
    /// Size when it was opened, bytes: for choices; reads ask the kernel.
    pub(crate) size_at_open: u64,
    direct: OnceLock<Result<Direct, Errno>>,
    iopoll: OnceLock<Result<(), Errno>>,
    map: OnceLock<Result<WholeMap, Errno>>,
    residency_refused: AtomicBool,
    cachestat_missing: AtomicBool,
    dontcache_refused: AtomicBool,
    /// Bytes read past the page cache, for the chooser.
    pub(crate) past_cache_bytes: AtomicU64,
    pub(crate) choices: Mutex<ChoiceLog>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Core {
    pub(crate) fn new(fd: OwnedFd, name: Option<PathBuf>, options: OpenOptions, size: u64) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            fd: Arc::new(fd),
            name,
            options,
            size_at_open: size,
            direct: OnceLock::new(),
            iopoll: OnceLock::new(),
            map: OnceLock::new(),
            residency_refused: AtomicBool::new(false),
            cachestat_missing: AtomicBool::new(false),
            dontcache_refused: AtomicBool::new(false),
            past_cache_bytes: AtomicU64::new(0),
            choices: Mutex::default(),
        }
    }

    /// Under what its reads are counted.
    pub(crate) fn class(&self) -> FileClass {
        self.options.class
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.name.as_deref()
    }

    /// Whether direct reads work; the first call finds out.
    ///
    /// # Errors
    /// The kernel's refusal: `EINVAL` where the file system has no direct I/O.
    pub(crate) fn direct(&self) -> Result<(), Errno> {
        self.direct_parts().map(drop)
    }

    pub(super) fn direct_parts(&self) -> Result<&Direct, Errno> {
        self.direct.get_or_init(|| Direct::open(&self.fd)).as_ref().map_err(|e| *e)
    }

    /// The ring to queue reads on. One that polls the device takes direct reads only, and only
    /// where the device can be polled; the first call finds out.
    pub(crate) fn ring_options(&self, direct: bool) -> RingOptions {
        let options = self.options.ring;
        if !options.asks_iopoll() {
            return options;
        }
        let polled = || match self.direct_parts() {
            Ok(direct) => probe::file::polled_read(direct.fd.as_fd()),
            Err(errno) => Err(errno),
        };
        if direct && self.iopoll.get_or_init(polled).is_ok() {
            options
        } else {
            options.without_iopoll()
        }
    }

    /// Why the device is not polled, where that was asked for and tried.
    pub(crate) fn iopoll_refused(&self) -> Option<Errno> {
        self.iopoll.get().and_then(|tried| tried.err())
    }

    /// The map of the whole file; the first call makes it.
    ///
    /// # Errors
    /// `ENODEV` where the file system has no maps, `ENOMEM` without address space.
    pub(crate) fn map(&self) -> Result<&WholeMap, Errno> {
        self.map
            .get_or_init(|| map_whole(&self.fd, self.size_at_open, &self.options))
            .as_ref()
            .map_err(|e| *e)
    }

    /// The map, where there is one.
    pub(crate) fn made_map(&self) -> Option<&WholeMap> {
        self.map.get().and_then(|map| map.as_ref().ok())
    }

    /// Takes the map out, for a fallible unmap.
    pub(crate) fn take_map(&mut self) -> Option<WholeMap> {
        self.map.take().and_then(Result::ok)
    }

    /// Whether residency can be asked for: not refused so far.
    pub(crate) fn answers_residency(&self) -> bool {
        !self.residency_refused.load(Ordering::Relaxed)
    }

    /// Resident pages of `range`: by `cachestat(2)`, or by `mincore(2)` on a kernel without it
    /// (before 6.5), which costs a map and an unmap, and is still little compared with a miss.
    pub(crate) fn resident_pages(&self, range: Range<u64>) -> Result<u64, Errno> {
        let fd = self.fd.as_fd();
        if !self.cachestat_missing.load(Ordering::Relaxed) {
            match residency::cachestat(fd, range.clone()) {
                Ok(stat) => return Ok(stat.cached),
                Err(Errno::NOSYS) => self.cachestat_missing.store(true, Ordering::Relaxed),
                Err(errno) => return Err(errno),
            }
        }
        residency::mincore(fd, range.start - range.start % PAGE_BYTES as u64..range.end)
    }

    /// Whether `RWF_DONTCACHE` may work: not refused so far.
    pub(crate) fn may_dontcache(&self) -> bool {
        !self.dontcache_refused.load(Ordering::Relaxed)
    }
}

/// Maps the file, and advises the kernel as the caller declared.
fn map_whole(fd: &OwnedFd, size: u64, options: &OpenOptions) -> Result<WholeMap, Errno> {
    let map = WholeMap::new(fd.as_fd(), size, options.populate)?;
    let advice = match options.pattern {
        Pattern::Random => MapAdvice::Random,
        Pattern::Sequential => MapAdvice::Sequential,
        Pattern::Observed => return Ok(map),
    };
    // Advice that is refused costs speed, not bytes.
    let _ = map.advise(0..size, advice);
    Ok(map)
}

impl Source for Core {
    fn size(&self) -> Result<u64, Errno> {
        size_of(&self.fd)
    }

    fn read(&self, lane: Lane, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        match lane {
            Lane::Read | Lane::Preadv | Lane::Ring { .. } => {
                pio::read(self.fd.as_fd(), buf, offset)
            }
            Lane::DirectRead => pio::read(self.direct_parts()?.fd.as_fd(), buf, offset),
            Lane::DontCache => {
                let flags = ReadFlags { dontcache: true, nowait: false };
                let bufs = &mut [std::io::IoSliceMut::new(buf)];
                pio::read_vectored(self.fd.as_fd(), bufs, offset, flags).inspect_err(|&e| {
                    let refused = matches!(e, Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS);
                    self.dontcache_refused.fetch_or(refused, Ordering::Relaxed);
                })
            }
            Lane::Map => {
                self.map().map_err(|_| Errno::OPNOTSUPP)?.read(buf, offset, || self.size())
            }
        }
    }

    fn read_slots(
        &self,
        vectors: &mut Vectors,
        buf: &mut Buffer,
        slot_bytes: usize,
        lens: &[usize],
        offset: u64,
    ) -> Result<usize, Errno> {
        vectors.read(&self.fd, buf, slot_bytes, lens, offset, ReadFlags::default())
    }

    fn is_resident(&self, range: Range<u64>) -> Result<bool, Errno> {
        let page = PAGE_BYTES as u64;
        let pages = range.end.div_ceil(page) - range.start / page;
        let asked = self.resident_pages(range).inspect_err(|_| {
            self.residency_refused.store(true, Ordering::Relaxed);
        });
        Ok(asked? >= pages)
    }

    fn align(&self) -> Option<u64> {
        self.direct_parts().ok().map(|d| d.align)
    }
}

/// Size in bytes; of a block device, its capacity.
pub(crate) fn size_of(fd: &OwnedFd) -> Result<u64, Errno> {
    let stat = rustix::fs::fstat(fd)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::BlockDevice {
        return rustix::fs::seek(fd, rustix::fs::SeekFrom::End(0));
    }
    Ok(stat.st_size.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn without_cachestat_mincore_tells_what_is_resident() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 10_000]).unwrap();
        let core = Core::new(file.into(), None, OpenOptions::default(), 10_000);
        core.cachestat_missing.store(true, Ordering::Relaxed);
        // Just written, and not a byte of it can have been dropped while it is dirty.
        assert_eq!(core.is_resident(0..10_000), Ok(true));
        assert_eq!(core.is_resident(5000..9000), Ok(true));
        assert_eq!(core.is_resident(8192..40_960), Ok(false));
        assert!(core.answers_residency());
    }
}
