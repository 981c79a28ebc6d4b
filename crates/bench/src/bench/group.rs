//! One group of cells: all paths of one shape, in balanced rounds of short slices.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cutwater::ReadPath;
use cutwater_lab::Order;
use cutwater_meter::Checksum;

use super::cache::PageCache;
use super::pass::{Bench, Sample};
use super::plan::Plan;
use super::ranges;
use super::rival::{Rival, RivalRuns};
use super::shape::Shape;
use super::worker::ReadMode;
use cutwater_shell::Failure;
use cutwater_shell::stop::Stop;

/// Reads of the shortest probe; each next one has four times as many.
const PROBE_READS: u64 = 16;
/// A probe that takes this long says enough.
const PROBE_TIME: Duration = Duration::from_millis(5);
/// Fewest reads of a slice.
const READS_MIN: u64 = 16;
/// The part of a slice's reads that the passes for latencies and for system calls read.
const SIDE_PASS_SHARE: u64 = 4;
/// Runs of each engine of another program.
const RIVAL_RUNS: usize = 3;

/// What one path did in all slices of a shape, two for each round.
#[derive(Debug, Default)]
pub(super) struct PathSamples {
    pub(super) slices: Vec<Slice>,
    /// The pass that timed single reads at a depth above 1.
    pub(super) latency: Option<Sample>,
    /// The pass that counted system calls by the tracepoint.
    pub(super) counted: Option<Sample>,
    /// Whether every slice had the bytes that the path `read` had there.
    pub(super) wrong: bool,
}

/// A pass over one window and the state in which it began.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) resident: f64,
    pub(super) sample: Sample,
}

/// All paths of one shape.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) shape: Shape,
    /// Reads of each slice.
    pub(super) reads: u64,
    pub(super) paths: BTreeMap<ReadPath, PathSamples>,
    /// Other programs.
    pub(super) rivals: Vec<RivalRuns>,
    /// What could not run, with why.
    pub(super) refused: Vec<(String, String)>,
}

/// What a group is measured with.
pub(super) struct Bed<'a> {
    pub(super) plan: &'a Plan,
    pub(super) rivals: &'a [Rival],
    pub(super) bench: &'a Bench<'a>,
    pub(super) cache: &'a PageCache,
    pub(super) size: u64,
    pub(super) stop: &'a Stop,
}

/// What the slices of a round read, a window for each.
struct Windows {
    ranges: Vec<Arc<[Range<u64>]>>,
    /// Of the bytes of each.
    checksums: Vec<Checksum>,
}

impl Bed<'_> {
    /// Passes that a group makes, so that progress can be shown.
    pub(super) fn passes(&self, shape: &Shape) -> u64 {
        let (paths, rounds) = (self.plan.paths.len(), self.plan.rounds(shape));
        let sides = if shape.depth > 1 { 2 } else { 1 };
        let rivals = self.rivals_for(shape).len() * RIVAL_RUNS.min(rounds);
        (paths * (2 * rounds + sides) + rivals) as u64
    }

    /// Measures `shape`; `passed` hears of every pass. A group that was stopped has the rounds
    /// that were complete.
    pub(super) fn measure(&self, shape: Shape, mut passed: impl FnMut()) -> Result<Group, Failure> {
        let reads = self.calibrate(&shape)?;
        let rivals = self.rivals_for(&shape).iter();
        let rivals = rivals.map(|&rival| RivalRuns { rival, runs: Vec::new() }).collect();
        let mut group = Group { shape, reads, paths: BTreeMap::new(), rivals, refused: Vec::new() };
        let windows = self.windows(&shape, reads)?;
        self.warm_up(&mut group, &windows.ranges[0]);
        let rounds = self.plan.rounds(&shape);
        for (number, round) in
            Order::new(group.paths.len(), self.plan.seed).take(rounds).enumerate()
        {
            if self.stop.is_set() {
                return Ok(group);
            }
            self.round(&mut group, &windows, number, &round, &mut passed)?;
            if number < RIVAL_RUNS {
                self.rivals_run(&mut group, &mut passed)?;
            }
        }
        self.side_passes(&mut group, &windows.ranges[0], passed)?;
        Ok(group)
    }

    /// One round: the file is brought into its state once, then each path reads two windows of it
    /// that no other slice of the round reads. The next round uses other windows.
    fn round(
        &self,
        group: &mut Group,
        windows: &Windows,
        number: usize,
        round: &[usize],
        passed: &mut impl FnMut(),
    ) -> Result<(), Failure> {
        let shape = group.shape;
        let apart = ranges::windows_are_apart(&shape, self.size, self.window_count());
        self.cache.establish(shape.cache)?;
        let paths: Vec<_> = group.paths.keys().copied().collect();
        let mut slices = Vec::with_capacity(round.len());
        for (place, &side) in round.iter().enumerate() {
            if self.stop.is_set() {
                return Ok(());
            }
            let window = (place + number) % windows.ranges.len();
            let ranges = &windows.ranges[window];
            if !apart {
                self.cache.establish(shape.cache)?;
            }
            let resident = self.cache.resident_in(&shape, ranges)?;
            let sample = self.bench.pass(paths[side], &shape, ranges, timed_mode(&shape))?;
            slices.push((side, window, Slice { resident, sample }));
            passed();
        }
        // A pass that was cut short does not count, and neither does its round.
        if self.stop.is_set() {
            return Ok(());
        }
        for (side, window, slice) in slices {
            if let Some(samples) = group.paths.get_mut(&paths[side]) {
                samples.wrong |= slice.sample.checksum != windows.checksums[window];
                samples.slices.push(slice);
            }
        }
        Ok(())
    }

    /// Windows for every slice of a round, each read once by the path `read`: so it is known what
    /// is in them, and what the host does only once is done before the first round.
    fn windows(&self, shape: &Shape, reads: u64) -> Result<Windows, Failure> {
        let count = self.window_count();
        let (size, seed) = (self.size, self.plan.seed);
        let ranges: Vec<Arc<[_]>> = (0..count)
            .map(|i| ranges::window(shape, size, seed, reads, (i, count)).into())
            .collect();
        let mut checksums = Vec::new();
        for window in &ranges {
            checksums
                .push(self.bench.pass(ReadPath::Read, shape, window, ReadMode::AtOnce)?.checksum);
        }
        Ok(Windows { ranges, checksums })
    }

    fn window_count(&self) -> u64 {
        2 * self.plan.paths.len() as u64
    }

    /// How many reads the path `read` makes in the time of a slice, in this state.
    fn calibrate(&self, shape: &Shape) -> Result<u64, Failure> {
        let (count, time) = (self.window_count(), self.plan.slice(shape).as_secs_f64());
        let most = ranges::window_max(shape, self.size, count);
        let mut n = PROBE_READS * u64::from(shape.threads);
        loop {
            n = n.min(most);
            self.cache.establish(shape.cache)?;
            let list = ranges::window(shape, self.size, self.plan.seed, n, (0, count)).into();
            let probe = self.bench.pass(ReadPath::Read, shape, &list, timed_mode(shape))?;
            if probe.seconds >= PROBE_TIME.as_secs_f64().min(time)
                || n == most
                || self.stop.is_set()
            {
                let reads = probe.reads as f64 / probe.seconds * time;
                // A batch at least, so that the depth is reached.
                let least = READS_MIN.max(u64::from(shape.depth) * u64::from(shape.threads));
                return Ok((reads as u64).max(least).min(most));
            }
            n *= 4;
        }
    }

    /// A window through each path, which set up what they have for each thread; what fails here is
    /// left out, with the reason.
    fn warm_up(&self, group: &mut Group, list: &Arc<[Range<u64>]>) {
        for &path in &self.plan.paths {
            match self.bench.pass(path, &group.shape, list, timed_mode(&group.shape)) {
                Ok(_) => {
                    group.paths.insert(path, PathSamples::default());
                }
                Err(failure) => group.refused.push((path.to_string(), failure.to_string())),
            }
        }
    }

    /// One run of each rival that has not failed.
    fn rivals_run(&self, group: &mut Group, passed: &mut impl FnMut()) -> Result<(), Failure> {
        let (shape, seed, time) =
            (group.shape, self.plan.seed, RIVAL_TIME.max(self.plan.slice(&group.shape)));
        let mut failed = Vec::new();
        for (i, entry) in group.rivals.iter_mut().enumerate() {
            if self.stop.is_set() {
                return Ok(());
            }
            self.cache.establish(shape.cache)?;
            match entry.rival.run(self.bench.file, &shape, group.reads, time, seed) {
                Ok(_) if self.stop.is_set() => return Ok(()),
                Ok(result) => entry.runs.push(result),
                Err(failure) => failed.push((i, failure.to_string())),
            }
            passed();
        }
        for (i, why) in failed.into_iter().rev() {
            group.refused.push((group.rivals.remove(i).rival.name(), why));
        }
        Ok(())
    }

    fn rivals_for(&self, shape: &Shape) -> &[Rival] {
        if Rival::can(shape) { self.rivals } else { &[] }
    }

    fn side_passes(
        &self,
        group: &mut Group,
        list: &Arc<[Range<u64>]>,
        mut passed: impl FnMut(),
    ) -> Result<(), Failure> {
        let shape = group.shape;
        let least = u64::from(shape.depth) * u64::from(shape.threads);
        let n = (group.reads / SIDE_PASS_SHARE).max(least).min(group.reads) as usize;
        let few: Arc<[Range<u64>]> = list[..n].into();
        for (&path, samples) in &mut group.paths {
            if shape.depth > 1 {
                samples.latency =
                    self.side_pass(path, &shape, &few, ReadMode::InBatches(shape.depth as usize))?;
                passed();
            }
            samples.counted =
                self.side_pass(path, &shape, &few, ReadMode::Counted(shape.depth as usize))?;
            passed();
        }
        Ok(())
    }

    fn side_pass(
        &self,
        path: ReadPath,
        shape: &Shape,
        list: &Arc<[Range<u64>]>,
        mode: ReadMode,
    ) -> Result<Option<Sample>, Failure> {
        if self.stop.is_set() {
            return Ok(None);
        }
        self.cache.establish(shape.cache)?;
        let sample = self.bench.pass(path, shape, list, mode)?;
        Ok((!self.stop.is_set()).then_some(sample))
    }
}

/// Time of a run of another program, which has to start first.
const RIVAL_TIME: Duration = Duration::from_millis(100);

/// How a timed pass reads at this depth.
pub(super) fn timed_mode(shape: &Shape) -> ReadMode {
    if shape.depth == 1 { ReadMode::OneByOne } else { ReadMode::AtOnce }
}

impl Group {
    /// Paths that read other bytes than the path `read`, or than the first path where it was left
    /// out.
    pub(super) fn mismatches(&self) -> Vec<ReadPath> {
        let sides = |s: &PathSamples| {
            s.latency.iter().chain(&s.counted).map(|s| s.checksum).collect::<Vec<_>>()
        };
        let expected = self.paths.values().flat_map(sides).next();
        let differs = |s: &PathSamples| sides(s).iter().any(|sum| Some(*sum) != expected);
        let wrong = self.paths.iter().filter(|(_, s)| s.wrong || differs(s));
        wrong.map(|(path, _)| *path).collect()
    }
}
