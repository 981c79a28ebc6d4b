//! The file that is read: its bytes, and what of it is in the page cache.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cutwater_lab::SplitMix;
use cutwater_meter::Checksum;
use cutwater_sys::probe::block;
use cutwater_sys::residency;
use rustix::fs::{Advice, fadvise, major, minor, statvfs};
use rustix::param::page_size;

use crate::peers::Span;

/// Bytes made and read at once.
const PIECE: usize = 1 << 20;
/// Bytes with a checksum of their own; every span is a multiple.
const BLOCK: usize = 4096;
/// Bytes that one step of the generator makes.
const WORD: usize = 8;
/// Room that has to be left on the disk, bytes.
const SPARE: u64 = 256 << 20;
/// How often pages that are still being read are asked to go, and how long to wait between.
const DROPS_MAX: u32 = 200;
const DROP_PAUSE: Duration = Duration::from_millis(2);
/// The resident share from which a file is warm: the kernel may take back a page or two.
const WARM_SHARE: f64 = 0.99;
/// Read-ahead where the device does not report its own, bytes: the kernel's default.
const READ_AHEAD_DEFAULT: u64 = 128 << 10;

/// A file without a name: it is gone when the process is, however that ends.
#[derive(Debug)]
pub(crate) struct DataFile {
    file: File,
    bytes: u64,
    /// The checksum of each block.
    blocks: Vec<Checksum>,
}

impl DataFile {
    /// Writes a file of `bytes` in `dir` and waits until the device has it.
    pub(crate) fn make(dir: &Path, bytes: u64, seed: u64) -> Result<Self, String> {
        let say = |doing: &str| {
            let doing = format!("{doing} a file of {} MiB in {}", bytes >> 20, dir.display());
            move |e: io::Error| format!("cannot {doing}: {e}; name another place with --dir")
        };
        let room = statvfs(dir).map_err(|e| say("make")(e.into()))?;
        if room.f_bavail.saturating_mul(room.f_frsize) < bytes + SPARE {
            return Err(say("make")(io::ErrorKind::StorageFull.into()));
        }
        let mut file = tempfile::tempfile_in(dir).map_err(say("make"))?;
        let mut piece = vec![0; PIECE];
        let mut blocks = Vec::with_capacity(bytes as usize / BLOCK);
        for offset in (0..bytes).step_by(PIECE) {
            fill(seed, offset, &mut piece);
            for (index, block) in piece.chunks(BLOCK).enumerate() {
                let mut sum = Checksum::new();
                sum.add(offset + (index * BLOCK) as u64, block);
                blocks.push(sum);
            }
            file.write_all(&piece).map_err(say("write"))?;
        }
        file.sync_all().map_err(say("sync"))?;
        Ok(Self { file, bytes, blocks })
    }

    /// A path under which peers can open it.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.file)
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The checksum of `spans`, whose ends are multiples of 4 KiB. It comes from the generator and
    /// not from the file, so it shows when every side reads the same wrong bytes.
    pub(crate) fn expected(&self, spans: &[Span]) -> Checksum {
        let mut sum = Checksum::new();
        for span in spans {
            let first = span.offset as usize / BLOCK;
            let blocks = self.blocks.iter().skip(first).take(span.len / BLOCK);
            blocks.for_each(|block| sum.merge(*block));
        }
        sum
    }

    /// Bytes that the kernel may read ahead of a reader: two windows.
    pub(crate) fn read_ahead_max(&self) -> u64 {
        let device = self.file.metadata().ok().map(|m| (major(m.dev()), minor(m.dev())));
        let window = device.and_then(block::device).and_then(|d| d.read_ahead_kib);
        2 * window.map_or(READ_AHEAD_DEFAULT, |kib| kib << 10)
    }

    /// The share of `range` that is in the page cache. The kernel is asked and not the library,
    /// which is under test here.
    pub(crate) fn resident_share(&self, range: &Range<u64>) -> Result<f64, String> {
        let resident = residency::cachestat(self.file.as_fd(), range.clone())
            .map(|stat| stat.cached)
            .or_else(|_| residency::mincore(self.file.as_fd(), range.clone()))
            .map_err(|e| format!("neither cachestat nor mincore says what is resident: {e}"))?;
        let pages = (range.end - range.start).div_ceil(page_size() as u64);
        Ok(resident as f64 / pages.max(1) as f64)
    }

    /// Makes the whole file resident.
    pub(crate) fn warm(&self) -> Result<(), String> {
        let all = 0..self.bytes;
        if self.resident_share(&all)? < WARM_SHARE {
            self.touch(all.clone().step_by(PIECE), PIECE)?;
        }
        let share = self.resident_share(&all)?;
        if share < WARM_SHARE {
            let percent = share * 100.0;
            return Err(format!("{percent:.1} % of the file is resident: no memory is free"));
        }
        Ok(())
    }

    /// Drops the whole file from the page cache. It tries again for a while, because read-ahead of
    /// the round before may still be under way, and its pages cannot be dropped until they are
    /// filled.
    pub(crate) fn drop_pages(&self) -> Result<(), String> {
        for _ in 0..DROPS_MAX {
            fadvise(&self.file, 0, None, Advice::DontNeed).map_err(|e| format!("fadvise: {e}"))?;
            if self.resident_share(&(0..self.bytes))? == 0.0 {
                return Ok(());
            }
            std::thread::sleep(DROP_PAUSE);
        }
        Err("the file cannot be dropped from the page cache; likely cause: it is on a tmpfs; \
             name another place with --dir"
            .to_owned())
    }

    /// Makes one of every two pieces of `range` resident; `seed` chooses which of the two.
    pub(crate) fn warm_half(&self, range: &Range<u64>, seed: u64) -> Result<(), String> {
        // Without this, read-ahead makes the neighbours resident as well.
        fadvise(&self.file, 0, None, Advice::Random).map_err(|e| format!("fadvise: {e}"))?;
        let half = (range.end - range.start) / 2 / BLOCK as u64 * BLOCK as u64;
        let piece = half.clamp(BLOCK as u64, PIECE as u64);
        let mut random = SplitMix(seed);
        let pairs = (range.start..range.end).step_by(2 * piece as usize);
        let pairs = pairs.filter(|at| at + 2 * piece <= range.end);
        let touched = self.touch(pairs.map(|at| at + random.below(2) * piece), piece as usize);
        fadvise(&self.file, 0, None, Advice::Normal).map_err(|e| format!("fadvise: {e}"))?;
        touched
    }

    fn touch(&self, offsets: impl Iterator<Item = u64>, len: usize) -> Result<(), String> {
        let mut buf = vec![0; len];
        for offset in offsets {
            let read = self.file.read_exact_at(&mut buf, offset);
            read.map_err(|e| format!("cannot read the file at {offset}: {e}"))?;
        }
        Ok(())
    }
}

/// The process's own entry for an open file: it can be opened again, though it has no name.
fn path_of(file: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into()
}

/// The bytes of the file at `offset`, a multiple of the word, as is the length.
fn fill(seed: u64, offset: u64, buf: &mut [u8]) {
    let first = offset / WORD as u64;
    for (index, word) in buf.as_chunks_mut::<WORD>().0.iter_mut().enumerate() {
        let place = first.wrapping_add(index as u64).wrapping_mul(0xd134_2543_de82_ef95);
        *word = SplitMix(seed ^ place).next().to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_what_is_expected_and_leaves_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataFile::make(dir.path(), 2 << 20, 3).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let bytes = std::fs::read(data.path()).unwrap();
        let mut sum = Checksum::new();
        sum.add(0, &bytes);
        let half = Span { offset: 0, len: 1 << 20 };
        let other = Span { offset: 1 << 20, len: 1 << 20 };
        assert_eq!(data.expected(&[other, half]), sum);
        assert_ne!(data.expected(&[half]), sum);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_with_the_next_step() {
        let why = DataFile::make(Path::new("/no/such/place"), 2 << 20, 3).unwrap_err();
        assert!(why.contains("/no/such/place") && why.contains("--dir"), "{why}");
    }

    #[test]
    fn half_a_range_is_made_resident() {
        // Beside the build and not in /tmp, which may be a tmpfs, where all is resident.
        let data = DataFile::make(Path::new(env!("CARGO_MANIFEST_DIR")), 64 << 20, 3);
        let Ok(data) = data else {
            cutwater_testing::skip!("{}", data.unwrap_err());
            return;
        };
        if let Err(why) = data.drop_pages() {
            cutwater_testing::skip!("no cold file here: {why}");
            return;
        }
        let range = 8 << 20..24 << 20;
        data.warm_half(&range, 5).unwrap();
        assert_eq!(data.resident_share(&range).unwrap(), 0.5);
        assert_eq!(data.resident_share(&(0..64 << 20)).unwrap(), 0.125);
        data.warm().unwrap();
        assert!(data.resident_share(&(0..64 << 20)).unwrap() >= WARM_SHARE);
    }
}
