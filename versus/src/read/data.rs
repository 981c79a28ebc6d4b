//! The file that is read: its bytes, and what of it is in the page cache.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cutwater_meter::Checksum;
use cutwater_sys::residency;
use rustix::fs::{Advice, fadvise, statvfs};
use rustix::param::page_size;

use super::cells::{Cache, SplitMix};
use crate::peers::Span;

/// Bytes made and read at once, and the size of the pieces of a half resident file.
const PIECE: usize = 1 << 20;
/// Bytes that one step of the generator makes.
const WORD: usize = 8;
/// Room that has to be left on the disk, bytes.
const SPARE: u64 = 256 << 20;
/// How often pages that are still being read are asked to go, and how long to wait between.
const DROPS_MAX: u32 = 200;
const DROP_PAUSE: Duration = Duration::from_millis(2);
/// How far from half the resident share of a half resident file may be.
const MIXED_SLACK: f64 = 0.05;
/// The resident share from which a file is warm: the kernel may take back a page or two.
const WARM_SHARE: f64 = 0.99;

/// A file without a name: it is gone when the process is, however that ends.
#[derive(Debug)]
pub(crate) struct DataFile {
    file: File,
    bytes: u64,
    seed: u64,
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
        for offset in (0..bytes).step_by(PIECE) {
            fill(seed, offset, &mut piece);
            file.write_all(&piece).map_err(say("write"))?;
        }
        file.sync_all().map_err(say("sync"))?;
        Ok(Self { file, bytes, seed })
    }

    /// A path under which peers can open it.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.file)
    }

    /// Its size.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The checksum of `spans`, from the generator and not from the file: if everybody read
    /// the same wrong bytes, it would show.
    pub(crate) fn expected(&self, spans: &[Span]) -> Checksum {
        let mut sum = Checksum::new();
        let mut buf = Vec::new();
        for span in spans {
            buf.resize(span.len, 0);
            fill(self.seed, span.offset, &mut buf);
            sum.add(span.offset, &buf);
        }
        sum
    }

    /// Brings the page cache into the state that a run begins with, and checks that it is.
    pub(crate) fn prepare(&self, cache: Cache) -> Result<(), String> {
        let say = |e| format!("cannot bring the file into the state of the cell: {e}");
        match cache {
            Cache::Warm => self.warm().map_err(say)?,
            Cache::Cold => self.drop_pages()?,
            Cache::Mixed => {
                self.drop_pages()?;
                self.warm_half().map_err(say)?;
            }
        }
        let share = self.resident_share()?;
        let so = match cache {
            Cache::Warm => share >= WARM_SHARE,
            Cache::Cold => share == 0.0,
            Cache::Mixed => (share - 0.5).abs() <= MIXED_SLACK,
        };
        let percent = share * 100.0;
        so.then_some(()).ok_or_else(|| {
            format!(
                "{percent:.1} % of the file is resident; likely cause: tmpfs, or no free memory"
            )
        })
    }

    /// Asked of the kernel and not of the library, which is under test here.
    fn resident_share(&self) -> Result<f64, String> {
        let all = 0..self.bytes;
        let resident = residency::cachestat(self.file.as_fd(), all.clone())
            .map(|stat| stat.cached)
            .or_else(|_| residency::mincore(self.file.as_fd(), all))
            .map_err(|e| format!("neither cachestat nor mincore says what is resident: {e}"))?;
        Ok(resident as f64 * page_size() as f64 / self.bytes as f64)
    }

    fn warm(&self) -> io::Result<()> {
        if self.resident_share().is_ok_and(|share| share >= WARM_SHARE) {
            return Ok(());
        }
        self.touch((0..self.bytes).step_by(PIECE))
    }

    /// Again and again, because read-ahead of the run before may still be under way, and its
    /// pages cannot be dropped until they are filled.
    fn drop_pages(&self) -> Result<(), String> {
        for _ in 0..DROPS_MAX {
            fadvise(&self.file, 0, None, Advice::DontNeed).map_err(|e| format!("fadvise: {e}"))?;
            if self.resident_share()? == 0.0 {
                break;
            }
            std::thread::sleep(DROP_PAUSE);
        }
        Ok(())
    }

    /// One of every two pieces, which of the two as the seed has it.
    fn warm_half(&self) -> io::Result<()> {
        // Without this, read-ahead makes the neighbours resident as well.
        fadvise(&self.file, 0, None, Advice::Random)?;
        let mut rng = SplitMix(self.seed);
        let pairs = (0..self.bytes).step_by(2 * PIECE);
        let touched = self.touch(pairs.map(|at| at + (rng.next() % 2) * PIECE as u64));
        fadvise(&self.file, 0, None, Advice::Normal)?;
        touched
    }

    fn touch(&self, pieces: impl Iterator<Item = u64>) -> io::Result<()> {
        let mut buf = vec![0; PIECE];
        for offset in pieces {
            self.file.read_exact_at(&mut buf, offset)?;
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
    fn half_a_file_is_made_resident() {
        // Beside the build and not in /tmp, which may be a tmpfs, where all is resident.
        let data = DataFile::make(Path::new(env!("CARGO_MANIFEST_DIR")), 64 << 20, 3);
        let Ok(data) = data else {
            cutwater_testing::skip!("{}", data.unwrap_err());
            return;
        };
        if let Err(why) = data.prepare(Cache::Cold) {
            cutwater_testing::skip!("no cold file here: {why}");
            return;
        }
        assert_eq!(data.resident_share().unwrap(), 0.0);
        data.prepare(Cache::Mixed).unwrap();
        data.prepare(Cache::Warm).unwrap();
    }
}
