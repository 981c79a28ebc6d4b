//! Brings the file's pages into the state that a cell asks for, and checks it.

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cutwater::ReadPath;
use cutwater_lab::SplitMix;
use rustix::fs::Advice;

use super::shape::{Cache, Shape};
use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// The most and the least bytes of a piece in the mixed state, which is resident or not. A small
/// file has small pieces, so that half of each region is resident.
const PIECE: u64 = 1 << 20;
const PIECE_MIN: u64 = 64 << 10;
/// Pieces that a file has at least, if they can be so small.
const PIECES_MIN: u64 = 128;
/// Times that pages are dropped before a rest of them is accepted, and the time between.
const DROPS_MAX: u32 = 20;
const DROP_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
/// The share of a range's pages that may be in the wrong state before the report says so. A region of
/// the mixed state has few pieces, and the first and the last may lie half outside it.
const TOLERANCE: f64 = 0.01;
const TOLERANCE_MIXED: f64 = 0.15;

/// The file's page cache under our hands.
#[derive(Debug)]
pub(super) struct PageCache {
    file: fs::File,
    /// Answers what is resident.
    asked: cutwater::File,
    size: u64,
    seed: u64,
    drop_caches: bool,
    /// Why residency cannot be checked, if it cannot. The file is then read before each cell and
    /// assumed warm.
    blind: Option<String>,
}

impl PageCache {
    /// The page cache of the file at `path`. Syncs the file, because only clean pages can be dropped.
    pub(super) fn open(
        path: &Path,
        size: u64,
        seed: u64,
        drop_caches: bool,
    ) -> Result<Self, Failure> {
        let cannot = |e: io::Error| Failure::new(format!("cannot open {}", shown(path))).because(e);
        let file = fs::File::open(path).map_err(cannot)?;
        file.sync_all().map_err(cannot)?;
        let asked = cutwater::File::options().path(ReadPath::Read).open(path)?;
        let blind = match asked.residency(0..size.min(PIECE)) {
            Ok(_) => None,
            Err(e) if e.is_unsupported() || e.is_permission_denied() => Some(e.to_string()),
            Err(e) => return Err(e.into()),
        };
        Ok(Self { file, asked, size, seed, drop_caches, blind })
    }

    /// Brings about `state`.
    pub(super) fn establish(&self, state: Cache) -> Result<(), Failure> {
        match state {
            Cache::Warm => self.warm(),
            Cache::Mixed => self.mix(),
            Cache::Cold => self.chill(),
        }
    }

    /// The share of the pages around `ranges` that is resident: of the whole file for warm reads,
    /// which lie anywhere in it, else of the region in which they lie.
    pub(super) fn resident_in(&self, shape: &Shape, ranges: &[Range<u64>]) -> Result<f64, Failure> {
        if self.blind.is_some() {
            return Ok(1.0);
        }
        let start = ranges.iter().map(|r| r.start).min().unwrap_or(0);
        let end = ranges.iter().map(|r| r.end).max().unwrap_or(self.size);
        let all = if shape.cache == Cache::Warm { 0..self.size } else { start..end };
        Ok(self.asked.residency(all)?.share())
    }

    /// Whether a resident share is that of `state`.
    pub(super) fn is_in_state(state: Cache, resident: f64) -> bool {
        match state {
            Cache::Warm => resident >= 1.0 - TOLERANCE,
            Cache::Mixed => (resident - 0.5).abs() <= TOLERANCE_MIXED,
            Cache::Cold => resident == 0.0,
        }
    }

    /// Why there can be no mixed and cold cells, where that is so: the file is only in memory, or
    /// the kernel does not report what is resident.
    pub(super) fn only_warm(&self, file_system: &str) -> Result<Option<String>, Failure> {
        if let Some(why) = &self.blind {
            return Ok(Some(format!(
                "{why}; warm cells are those of a file that was read before, unchecked"
            )));
        }
        self.drop_all()?;
        let why = format!(
            "the file's pages stay in memory whatever is asked ({file_system}); try --dir or a \
             file on a disk"
        );
        Ok((self.resident()? >= 0.5).then_some(why))
    }

    fn resident(&self) -> Result<f64, Failure> {
        if self.blind.is_some() {
            return Ok(1.0);
        }
        Ok(self.asked.residency(0..self.size)?.share())
    }

    fn warm(&self) -> Result<(), Failure> {
        if self.blind.is_none() && Self::is_in_state(Cache::Warm, self.resident()?) {
            return Ok(());
        }
        self.read(0, self.size)
    }

    fn chill(&self) -> Result<(), Failure> {
        if self.drop_caches {
            let path = "/proc/sys/vm/drop_caches";
            fs::write(path, "1").map_err(|e| {
                Failure::new(format!("cannot write {path}; --drop-caches needs root")).because(e)
            })?;
        }
        self.drop_all()
    }

    /// Drops all, then reads one of every two pieces without read-ahead. The reverse would not work:
    /// part of a folio cannot be dropped.
    fn mix(&self) -> Result<(), Failure> {
        let size = (self.size / PIECES_MIN).next_power_of_two().clamp(PIECE_MIN, PIECE);
        let pieces = self.size.div_ceil(size);
        let is_warm = |piece: &u64| SplitMix(self.seed ^ (piece / 2)).next() % 2 == piece % 2;
        let (warm, cold) = (0..pieces).partition::<Vec<_>, _>(is_warm);
        let range = |piece: &u64| piece * size..((piece + 1) * size).min(self.size);
        let share = |piece: &u64| -> Result<f64, Failure> {
            Ok(self.asked.residency(range(piece))?.share())
        };
        let mut is_right = true;
        for piece in &cold {
            is_right &= share(piece)? == 0.0;
        }
        if !is_right {
            self.drop_all()?;
        }
        rustix::fs::fadvise(&self.file, 0, None, Advice::Random)
            .map_err(|e| Failure::new("cannot turn read-ahead off").because(io::Error::from(e)))?;
        for piece in &warm {
            if share(piece)? < 1.0 {
                let range = range(piece);
                self.read(range.start, range.end)?;
            }
        }
        Ok(())
    }

    /// Drops all pages, again and again for a moment: those that were read just now can still
    /// be on their way to the lists from which pages are dropped.
    fn drop_all(&self) -> Result<(), Failure> {
        for _ in 0..DROPS_MAX {
            self.drop_range(0, self.size)?;
            if self.resident()? == 0.0 {
                break;
            }
            std::thread::sleep(DROP_PAUSE);
        }
        Ok(())
    }

    fn drop_range(&self, offset: u64, len: u64) -> Result<(), Failure> {
        rustix::fs::fadvise(&self.file, offset, NonZeroU64::new(len), Advice::DontNeed).map_err(
            |e| {
                Failure::new("cannot drop the file's pages from the page cache")
                    .because(io::Error::from(e))
            },
        )
    }

    /// Reads through the page cache from `at` to `end`.
    fn read(&self, mut at: u64, end: u64) -> Result<(), Failure> {
        let mut buf = vec![0; PIECE as usize];
        while at < end {
            let want = (end - at).min(PIECE) as usize;
            match self.file.read_at(&mut buf[..want], at) {
                Ok(0) => break,
                Ok(n) => at += n as u64,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(Failure::new(format!("cannot read at offset {at}")).because(e));
                }
            }
        }
        Ok(())
    }
}
