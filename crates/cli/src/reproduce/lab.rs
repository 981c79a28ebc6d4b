//! Where claims are measured: files, their pages, rounds in turns.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cutwater_meter::Checksum;
use tempfile::TempDir;

use super::claim::Side;
use super::flames::Flames;
use crate::failure::Failure;
use crate::stop::Stop;

/// The place, with what was made in it so far; it goes away with the value.
#[derive(Debug)]
pub(super) struct Lab {
    dir: TempDir,
    pub(super) quick: bool,
    stop: Stop,
    files: BTreeMap<u64, PathBuf>,
    flames: Option<RefCell<Flames>>,
}

/// Share of pages that may stay resident where a file is to be cold.
const WARM_REST: f64 = 0.05;

/// What a pass yields: its figure, and a hash of what it read.
pub(super) type Pass = Result<(f64, u64), String>;

impl Lab {
    pub(super) fn new(dir: Option<&Path>, quick: bool, stop: Stop) -> Result<Self, Failure> {
        let made = match dir {
            Some(dir) => TempDir::with_prefix_in("cutwater-", dir),
            None => TempDir::with_prefix("cutwater-"),
        };
        let dir = made.map_err(|e| Failure::new("cannot make a directory for files").because(e))?;
        Ok(Self { dir, quick, stop, files: BTreeMap::new(), flames: None })
    }

    /// From now on each side has one more round, which is sampled and not measured.
    pub(super) fn sample(&mut self) {
        self.flames = Some(RefCell::default());
    }

    /// What is measured next is the claim called `id`.
    pub(super) fn begin(&mut self, id: &'static str) {
        if let Some(flames) = &mut self.flames {
            flames.get_mut().begin(id);
        }
    }

    /// What was sampled.
    pub(super) fn flames(&mut self) -> Option<Flames> {
        self.flames.take().map(RefCell::into_inner)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file of `mib` MiB of bytes that differ, warm and synced; the same one each time.
    pub(super) fn file(&mut self, mib: u64) -> Result<PathBuf, String> {
        if let Some(path) = self.files.get(&mib) {
            return Ok(path.clone());
        }
        let path = self.dir.path().join(format!("{mib}.data"));
        let failed = |e| format!("cannot make a file of {mib} MiB: {e}");
        let mut file = File::create(&path).map_err(failed)?;
        let mut block = vec![0u8; 1 << 20];
        for n in 0..mib {
            for (at, word) in block.chunks_exact_mut(8).enumerate() {
                let value = (n << 20 | at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                word.copy_from_slice(&value.to_le_bytes());
            }
            file.write_all(&block).map_err(failed)?;
            self.check()?;
        }
        file.sync_all().map_err(failed)?;
        self.files.insert(mib, path.clone());
        Ok(path)
    }

    /// Reads all of a file, so that it is resident.
    pub(super) fn warm(&self, path: &Path) -> Result<(), String> {
        let failed = |e| format!("cannot read {}: {e}", path.display());
        let file = File::open(path).map_err(failed)?;
        let (mut buf, mut at) = (vec![0; 1 << 20], 0);
        loop {
            match file.read_at(&mut buf, at).map_err(failed)? {
                0 => return Ok(()),
                n => at += n as u64,
            }
        }
    }

    /// Drops the pages of a file, and checks that they are gone.
    pub(super) fn chill(&self, path: &Path) -> Result<(), String> {
        let failed =
            |e: std::io::Error| format!("cannot drop the pages of {}: {e}", path.display());
        let file = File::open(path).map_err(failed)?;
        for _ in 0..20 {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
                .map_err(|e| failed(e.into()))?;
            let asked = cutwater::File::options().path(cutwater::ReadPath::Read).open(path);
            let share = asked.and_then(|f| f.residency(0..f.size()?));
            match share {
                Ok(r) if r.resident as f64 > WARM_REST * r.pages as f64 => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                _ => return Ok(()),
            }
        }
        Err("the file system keeps pages that it was asked to drop".into())
    }

    /// Rounds of a comparison.
    pub(super) fn rounds(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }

    /// `full`, or `quick` where it has to be quick.
    pub(super) fn sized(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    fn check(&self) -> Result<(), String> {
        if self.stop.is_set() { Err("it was interrupted".into()) } else { Ok(()) }
    }

    /// All sides in turns, after one round that is not counted, and one that is sampled where
    /// flame graphs are wanted. They must read the same bytes.
    pub(super) fn interleave(
        &self,
        names: &[&'static str],
        unit: &'static str,
        mut one: impl FnMut(usize) -> Pass,
    ) -> Result<Vec<Side>, String> {
        let side = |name: &&'static str| Side { name, unit, values: Vec::new(), hash: 0 };
        let mut sides: Vec<Side> = names.iter().map(side).collect();
        for round in 0..=self.rounds() {
            // Before the first that counts, so that what a claim tells of its last round stays.
            if round == 1 {
                self.sampled(names, &mut one)?;
            }
            for (index, side) in sides.iter_mut().enumerate() {
                self.check()?;
                let (value, hash) = one(index)?;
                if round > 0 {
                    side.values.push(value);
                }
                side.hash = hash;
            }
        }
        match sides.iter().find(|side| side.hash != sides[0].hash) {
            Some(other) => {
                Err(format!("{} and {} read different bytes", sides[0].name, other.name))
            }
            None => Ok(sides),
        }
    }

    /// A round that is sampled and not measured, where flame graphs are wanted.
    fn sampled(
        &self,
        names: &[&'static str],
        one: &mut impl FnMut(usize) -> Pass,
    ) -> Result<(), String> {
        let Some(flames) = &self.flames else { return Ok(()) };
        for (index, side) in names.iter().enumerate() {
            self.check()?;
            let recording = flames.borrow_mut().start();
            let passed = one(index);
            flames.borrow_mut().end(side, recording);
            passed?;
        }
        Ok(())
    }

    /// A directory with `count` files of `bytes` each.
    pub(super) fn small_files(&self, count: usize, bytes: usize) -> Result<Vec<PathBuf>, String> {
        let failed = |e| format!("cannot make small files: {e}");
        let dir = self.dir.path().join(format!("{count}x{bytes}"));
        fs::create_dir_all(&dir).map_err(failed)?;
        let mut paths = Vec::new();
        for n in 0..count {
            let path = dir.join(n.to_string());
            let mut file = File::create(&path).map_err(failed)?;
            file.write_all(&vec![n as u8; bytes]).and_then(|()| file.sync_all()).map_err(failed)?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// A hash of bytes with their places.
pub(super) fn hash_of(parts: impl IntoIterator<Item = (u64, Vec<u8>)>) -> u64 {
    let mut sum = Checksum::new();
    parts.into_iter().for_each(|(at, bytes)| sum.add(at, &bytes));
    sum.value()
}

/// Places in a file of `bytes`, each a multiple of `block`, in an order without a pattern.
pub(super) fn places(bytes: u64, block: u64, count: usize) -> Vec<u64> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(|_| draw() % (bytes / block) * block).collect()
}
