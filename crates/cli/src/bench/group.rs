//! One group of cells: all paths of one shape, taking turns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cutwater::ReadPath;

use super::cache::PageCache;
use super::pass::{Bench, Sample};
use super::plan::Plan;
use super::ranges::{self, READS_MAX};
use super::rival::{Rival, RivalRuns};
use super::shape::Shape;
use super::worker::How;
use cutwater_shell::Failure;
use cutwater_shell::stop::Stop;

/// Reads of the shortest probe; each next one has four times as many.
const PROBE_READS: u64 = 16;
/// A probe that takes this long says enough.
const PROBE_TIME: Duration = Duration::from_millis(20);
/// Fewest reads of a cell.
const READS_MIN: u64 = 32;
/// Reads per thread before the first run, which set up what a path has for each thread.
const WARM_UP_READS: u64 = 16;
/// The part of a run's reads that the passes for latencies and for system calls read.
const SIDE_PASS_SHARE: u64 = 4;

/// What one path did in all runs of a shape.
#[derive(Debug, Default)]
pub(super) struct PathSamples {
    pub(super) runs: Vec<Run>,
    /// The pass that timed single reads at a depth above 1.
    pub(super) latency: Option<Sample>,
    /// The pass that counted system calls by the tracepoint.
    pub(super) counted: Option<Sample>,
}

/// A pass and the state that it began in.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) resident: f64,
    pub(super) sample: Sample,
}

/// All paths of one shape.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) shape: Shape,
    /// Reads of each pass.
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

impl Bed<'_> {
    /// Passes that a group makes, so that progress can be shown.
    pub(super) fn passes(&self, shape: &Shape) -> u64 {
        let sides = if shape.depth > 1 { 2 } else { 1 };
        let runs = u64::from(self.plan.runs);
        self.plan.paths.len() as u64 * (runs + sides) + self.rivals_of(shape).len() as u64 * runs
    }

    /// Measures `shape`; `passed` hears of every pass. A group that was stopped has the runs
    /// that were complete.
    pub(super) fn measure(&self, shape: Shape, mut passed: impl FnMut()) -> Result<Group, Failure> {
        let reads = self.calibrate(&shape)?;
        let list: Arc<[Range<u64>]> =
            ranges::ranges(&shape, self.size, self.plan.seed, reads).into();
        let rivals = self.rivals_of(&shape).iter();
        let rivals = rivals.map(|&rival| RivalRuns { rival, runs: Vec::new() }).collect();
        let mut group = Group { shape, reads, paths: BTreeMap::new(), rivals, refused: Vec::new() };
        self.warm_up(&mut group, &list);
        for run in 0..self.plan.runs {
            for path in self.turn(run) {
                if self.stop.is_set() {
                    return Ok(group);
                }
                self.one_run(&mut group, path, &list)?;
                passed();
            }
            self.rivals_run(&mut group, &mut passed)?;
        }
        self.side_passes(&mut group, &list, passed)?;
        Ok(group)
    }

    /// The paths in the order of this run: each run begins with another one.
    fn turn(&self, run: u32) -> Vec<ReadPath> {
        let mut paths = self.plan.paths.clone();
        let by = run as usize % paths.len().max(1);
        paths.rotate_left(by);
        paths
    }

    /// How many reads the path `read` makes in the time of a run, in this state.
    fn calibrate(&self, shape: &Shape) -> Result<u64, Failure> {
        let most = ranges::distinct(shape, self.size);
        let mut n = PROBE_READS * u64::from(shape.threads);
        loop {
            n = n.min(most);
            self.cache.establish(shape.cache)?;
            let list = ranges::ranges(shape, self.size, self.plan.seed, n).into();
            let probe = self.bench.pass(ReadPath::Read, shape, &list, throughput(shape))?;
            if probe.seconds >= PROBE_TIME.as_secs_f64().min(self.plan.time.as_secs_f64())
                || n == most
                || self.stop.is_set()
            {
                let reads = probe.reads as f64 / probe.seconds * self.plan.time.as_secs_f64();
                // A batch at least, so that the depth is reached.
                let least = READS_MIN.max(u64::from(shape.depth) * u64::from(shape.threads));
                return Ok((reads as u64).max(least).min(most).min(READS_MAX));
            }
            n *= 4;
        }
    }

    /// A few reads through each path; what fails here is left out, with the reason.
    fn warm_up(&self, group: &mut Group, list: &Arc<[Range<u64>]>) {
        let n = (WARM_UP_READS * u64::from(group.shape.threads)).min(group.reads) as usize;
        let few: Arc<[Range<u64>]> = list[..n].into();
        for &path in &self.plan.paths {
            match self.bench.pass(path, &group.shape, &few, throughput(&group.shape)) {
                Ok(_) => {
                    group.paths.insert(path, PathSamples::default());
                }
                Err(failure) => group.refused.push((path.to_string(), failure.to_string())),
            }
        }
    }

    fn one_run(
        &self,
        group: &mut Group,
        path: ReadPath,
        list: &Arc<[Range<u64>]>,
    ) -> Result<(), Failure> {
        let Some(samples) = group.paths.get_mut(&path) else { return Ok(()) };
        let resident = self.cache.establish(group.shape.cache)?;
        let sample = self.bench.pass(path, &group.shape, list, throughput(&group.shape))?;
        // A pass that was cut short is no measurement.
        if !self.stop.is_set() {
            samples.runs.push(Run { resident, sample });
        }
        Ok(())
    }

    /// One run of each rival that has not failed.
    fn rivals_run(&self, group: &mut Group, passed: &mut impl FnMut()) -> Result<(), Failure> {
        let (shape, seed, time) = (group.shape, self.plan.seed, self.plan.time);
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

    fn rivals_of(&self, shape: &Shape) -> &[Rival] {
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
                    self.side_pass(path, &shape, &few, How::InBatches(shape.depth as usize))?;
                passed();
            }
            samples.counted =
                self.side_pass(path, &shape, &few, How::Counted(shape.depth as usize))?;
            passed();
        }
        Ok(())
    }

    fn side_pass(
        &self,
        path: ReadPath,
        shape: &Shape,
        list: &Arc<[Range<u64>]>,
        how: How,
    ) -> Result<Option<Sample>, Failure> {
        if self.stop.is_set() {
            return Ok(None);
        }
        self.cache.establish(shape.cache)?;
        let sample = self.bench.pass(path, shape, list, how)?;
        Ok((!self.stop.is_set()).then_some(sample))
    }
}

/// How a timed pass of this depth reads.
pub(super) fn throughput(shape: &Shape) -> How {
    if shape.depth == 1 { How::OneByOne } else { How::AtOnce }
}

impl Group {
    /// Checksums that differ among the passes over the same list.
    pub(super) fn mismatches(&self) -> Vec<ReadPath> {
        let whole = |s: &PathSamples| s.runs.iter().map(|r| r.sample.checksum).collect::<Vec<_>>();
        let sides = |s: &PathSamples| {
            s.latency.iter().chain(&s.counted).map(|s| s.checksum).collect::<Vec<_>>()
        };
        let mut wrong = differing(&self.paths, whole);
        wrong.extend(differing(&self.paths, sides));
        wrong.sort();
        wrong.dedup();
        wrong
    }
}

/// Paths with a checksum other than the first path's, which is `read` unless it was left out.
fn differing(
    paths: &BTreeMap<ReadPath, PathSamples>,
    checksums: impl Fn(&PathSamples) -> Vec<cutwater_meter::Checksum>,
) -> Vec<ReadPath> {
    let Some(expected) = paths.values().flat_map(&checksums).next() else {
        return Vec::new();
    };
    let wrong = |s: &PathSamples| checksums(s).iter().any(|c| *c != expected);
    paths.iter().filter(|(_, s)| wrong(s)).map(|(p, _)| *p).collect()
}
