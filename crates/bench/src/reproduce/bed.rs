//! The test bed on which claims are measured: files, their pages, balanced rounds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cutwater_lab::Order;
use cutwater_meter::Checksum;

use super::claim::{Claim, Figure, Side};
use super::effort::Effort;
use super::flames::Flames;
use cutwater_shell::Failure;
use cutwater_shell::stop::Stop;
use cutwater_shell::workdir::Workdir;

/// A directory with the files made so far, which is removed with the value.
#[derive(Debug)]
pub(super) struct Bed {
    dir: Workdir,
    pub(super) quick: bool,
    effort: Effort,
    stop: Stop,
    files: BTreeMap<u64, PathBuf>,
    flames: Option<RefCell<Flames>>,
}

/// Share of pages that may stay resident where a file is to be cold.
const WARM_REST: f64 = 0.05;

/// Repeats the order of the sides.
const SEED: u64 = 1;

/// The start of the names of directories.
const PREFIX: &str = "cutwater-reproduce-";

/// What a pass yields: its figure, and a hash of what it read.
pub(super) type Pass = Result<(f64, u64), String>;

/// What a pass with other figures yields: the one that is judged, the others, and a hash.
pub(super) type PassWith<const N: usize> = Result<(f64, [f64; N], u64), String>;

/// A figure besides the one that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    pub(super) what: &'static str,
    pub(super) unit: &'static str,
    pub(super) claimed_ratio: Option<f64>,
}

impl Bed {
    pub(super) fn new(
        dir: &Path,
        quick: bool,
        effort: Effort,
        stop: Stop,
    ) -> Result<Self, Failure> {
        let dir = Workdir::new(dir, PREFIX).map_err(|e| {
            let place = dir.display();
            Failure::new(format!("cannot make a directory for files in {place}; see --dir"))
                .because(e)
        })?;
        let files = BTreeMap::new();
        Ok(Self { dir, quick, effort, stop, files, flames: None })
    }

    /// Makes each side run one more pass, which is sampled and not measured.
    pub(super) fn sample(&mut self) {
        self.flames = Some(RefCell::default());
    }

    /// The next measurements are for `claim`, after which `left` others come.
    pub(super) fn begin(&mut self, claim: &Claim, left: usize) {
        self.effort.begin(left);
        if let Some(flames) = &mut self.flames {
            flames.get_mut().begin(claim.id);
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

    /// `full`, or `quick` with `--quick`.
    pub(super) fn sized(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    fn check(&self) -> Result<(), String> {
        if self.stop.is_set() { Err("it was interrupted".into()) } else { Ok(()) }
    }

    /// All sides in balanced rounds, out and back, after a pass of each that is not counted, and
    /// one that is sampled where flame graphs are wanted. The sides must read the same bytes.
    pub(super) fn interleave(
        &self,
        names: &[&'static str],
        unit: &'static str,
        mut one: impl FnMut(usize) -> Pass,
    ) -> Result<Vec<Side>, String> {
        let one = |side| one(side).map(|(value, hash)| (value, [], hash));
        self.interleave_with(names, unit, [], one).map(|(sides, _)| sides)
    }

    /// The same with other figures of each pass.
    pub(super) fn interleave_with<const N: usize>(
        &self,
        names: &[&'static str],
        unit: &'static str,
        gauges: [Gauge; N],
        mut one: impl FnMut(usize) -> PassWith<N>,
    ) -> Result<(Vec<Side>, [Figure; N]), String> {
        let all = |unit| names.iter().map(|name| Side::new(name, unit)).collect::<Vec<_>>();
        let mut sides = all(unit);
        let mut figures = gauges.map(|Gauge { what, unit, claimed_ratio }| Figure {
            what,
            claimed_ratio,
            sides: all(unit),
        });
        let started = Instant::now();
        let way_out: Vec<_> = (0..names.len()).collect();
        self.round(&way_out, &mut all(unit), &mut figures.clone(), &mut one)?;
        let round = 2 * started.elapsed();
        // Before the first round that counts: what a claim keeps of its last pass is a counted one.
        self.sampled(names, &mut one)?;
        for round in Order::new(names.len(), SEED).take(self.effort.plan(round)) {
            self.round(&round, &mut sides, &mut figures, &mut one)?;
        }
        Ok((sides, figures))
    }

    /// A pass of each side in `round`; all of them must have read the same.
    fn round<const N: usize>(
        &self,
        round: &[usize],
        sides: &mut [Side],
        figures: &mut [Figure; N],
        one: &mut impl FnMut(usize) -> PassWith<N>,
    ) -> Result<(), String> {
        for &index in round {
            self.check()?;
            let (value, others, hash) = one(index)?;
            sides[index].add(value, hash);
            for (figure, other) in figures.iter_mut().zip(others) {
                figure.sides[index].add(other, hash);
            }
            same_bytes(sides)?;
        }
        Ok(())
    }

    /// A figure of a few rounds, which no verdict is about.
    pub(super) fn beside(
        &self,
        gauge: Gauge,
        names: &[&'static str],
        mut one: impl FnMut(usize) -> Pass,
    ) -> Result<Figure, String> {
        let mut sides: Vec<_> = names.iter().map(|name| Side::new(name, gauge.unit)).collect();
        let mut one = |side| one(side).map(|(value, hash)| (value, [], hash));
        for round in Order::new(names.len(), SEED).take(self.effort.beside()) {
            self.round(&round, &mut sides, &mut [], &mut one)?;
        }
        Ok(Figure { what: gauge.what, claimed_ratio: gauge.claimed_ratio, sides })
    }

    /// A pass of each side that is sampled and not measured, where flame graphs are wanted.
    fn sampled<const N: usize>(
        &self,
        names: &[&'static str],
        one: &mut impl FnMut(usize) -> PassWith<N>,
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

/// Fails where two sides that ran did not read the same.
fn same_bytes(sides: &[Side]) -> Result<(), String> {
    let mut ran = sides.iter().filter(|side| !side.series.values.is_empty());
    let Some(first) = ran.next() else { return Ok(()) };
    match ran.find(|side| side.hash != first.hash) {
        Some(other) => Err(format!("{} and {} read different bytes", first.name(), other.name())),
        None => Ok(()),
    }
}

/// A hash of bytes with their places.
pub(super) fn hash_of(parts: impl IntoIterator<Item = (u64, Vec<u8>)>) -> u64 {
    let mut sum = Checksum::new();
    parts.into_iter().for_each(|(at, bytes)| sum.add(at, &bytes));
    sum.value()
}

/// Places in a file of `bytes`, each a multiple of `block`, in an order without a pattern: by
/// xorshift64, since the hashes that are written down for claims depend on its sequence.
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
