//! From flags to a plan: which cells, how often, how long.

use std::time::Duration;

use cutwater::ReadPath;

use super::args::BenchArgs;
use super::shape::{Cache, Pattern, Shape};
use super::units;
use cutwater_shell::Failure;

/// Largest read; with the deepest queue this is what bounds memory.
const BLOCK_MAX: u64 = 64 << 20;
const DEPTH_MAX: u32 = 1024;
const THREADS_MAX: u32 = 256;
/// Most cells that one run of the command measures: an upper bound on its time and tables.
const SHAPES_MAX: usize = 1000;
/// Largest random read that is measured in the mixed state unasked.
const MIXED_BLOCK_MAX: u64 = 64 << 10;

/// What will be measured.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) paths: Vec<ReadPath>,
    pub(super) shapes: Vec<Shape>,
    /// Slices and rounds of warm cells, then those of all others.
    effort: [(Duration, u32); 2],
    pub(super) seed: u64,
}

/// Slices and rounds unless named: warm reads need milliseconds, a device needs more.
const EFFORT: [(Duration, u32); 2] =
    [(Duration::from_millis(5), 30), (Duration::from_millis(20), 12)];
/// The same for `--quick`.
const EFFORT_QUICK: [(Duration, u32); 2] =
    [(Duration::from_millis(2), 6), (Duration::from_millis(4), 6)];

impl Plan {
    /// Checks the flags and crosses the axes.
    pub(super) fn new(args: &BenchArgs) -> Result<Self, Failure> {
        bounded("--block", &args.blocks, BLOCK_MAX, units::size)?;
        bounded("--depth", &args.depths, DEPTH_MAX, |n| n.to_string())?;
        bounded("--threads", &args.threads, THREADS_MAX, |n| n.to_string())?;
        let shapes = shapes(args);
        if shapes.len() > SHAPES_MAX {
            return Err(Failure::usage(format!(
                "{} cells are too many, {SHAPES_MAX} are the most; name fewer patterns, blocks, \
                 depths or threads",
                shapes.len()
            )));
        }
        let usual = if args.quick { EFFORT_QUICK } else { EFFORT };
        let effort =
            usual.map(|(time, rounds)| (args.time.unwrap_or(time), args.runs.unwrap_or(rounds)));
        Ok(Self { paths: unique(&args.paths, &ReadPath::ALL), shapes, effort, seed: args.seed })
    }

    /// How long the path `read` takes for one slice of a cell.
    pub(super) fn slice(&self, shape: &Shape) -> Duration {
        self.effort[usize::from(shape.cache != Cache::Warm)].0
    }

    /// Rounds of a cell.
    pub(super) fn rounds(&self, shape: &Shape) -> usize {
        self.effort[usize::from(shape.cache != Cache::Warm)].1 as usize
    }

    /// Slices and rounds of warm cells, then those of all others.
    pub(super) fn effort(&self) -> [(Duration, u32); 2] {
        self.effort
    }

    /// Leaves out the states that the file system cannot be brought into.
    pub(super) fn only_warm(&mut self) {
        self.shapes.retain(|s| s.cache == Cache::Warm);
    }

    pub(super) fn block_max(&self) -> u64 {
        self.shapes.iter().map(|s| s.block).max().unwrap_or(0)
    }

    pub(super) fn threads_max(&self) -> u32 {
        self.shapes.iter().map(|s| s.threads).max().unwrap_or(1)
    }
}

fn bounded<T: Copy + PartialOrd + From<u8>>(
    flag: &str,
    values: &[T],
    most: T,
    text: impl Fn(T) -> String,
) -> Result<(), Failure> {
    match values.iter().find(|v| **v < T::from(1) || **v > most) {
        None => Ok(()),
        Some(wrong) => Err(Failure::usage(format!(
            "{flag} {} is out of bounds; the most is {}",
            text(*wrong),
            text(most)
        ))),
    }
}

/// `given` without repeats, or `usual` where nothing was given.
fn unique<T: Copy + PartialEq>(given: &[T], usual: &[T]) -> Vec<T> {
    let from = if given.is_empty() { usual } else { given };
    let mut out: Vec<T> = Vec::new();
    for value in from {
        if !out.contains(value) {
            out.push(*value);
        }
    }
    out
}

fn shapes(args: &BenchArgs) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for cache in unique(&args.caches, Cache::ALL) {
        for pattern in unique(&args.patterns, &[Pattern::Seq, Pattern::Rand]) {
            for block in unique(&args.blocks, &[4 << 10, 1 << 20]) {
                for depth in unique(&args.depths, &[1, 32]) {
                    for threads in unique(&args.threads, &[1]) {
                        shapes.push(Shape { cache, pattern, block, depth, threads });
                    }
                }
            }
        }
    }
    if args.caches.is_empty() {
        shapes.retain(worth_it_unasked);
    }
    shapes.sort();
    shapes
}

/// The mixed state only where a path can gain by splitting.
fn worth_it_unasked(shape: &Shape) -> bool {
    shape.cache != Cache::Mixed
        || (shape.depth > 1
            && shape.block <= MIXED_BLOCK_MAX
            && matches!(shape.pattern, Pattern::Rand | Pattern::Zipf))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn plan(flags: &str) -> Result<Plan, Failure> {
        let flags = std::iter::once("bench").chain(flags.split_whitespace());
        Plan::new(&Cli::try_parse_from(flags).unwrap().args)
    }

    #[test]
    fn the_default_is_small_and_in_the_cheapest_order() {
        let plan = plan("").unwrap();
        assert_eq!(plan.shapes.len(), 17);
        assert_eq!(plan.paths, ReadPath::ALL);
        assert!(plan.shapes.is_sorted());
        assert_eq!(plan.shapes.iter().filter(|s| s.cache == Cache::Mixed).count(), 1);
        assert_eq!(plan.shapes.last().unwrap().cache, Cache::Cold);
    }

    #[test]
    fn axes_that_are_named_are_crossed_without_repeats() {
        let plan = plan(
            "--path read,auto,read --pattern zipf,stride --block 4K,64K --cache mixed,cold \
             --depth 8 --threads 1,2,2",
        )
        .unwrap();
        assert_eq!(plan.paths, [ReadPath::Read, ReadPath::Auto]);
        assert_eq!(plan.shapes.len(), 2 * 2 * 2 * 2);
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for flags in ["--block 65M", "--depth 0", "--depth 1025", "--threads 257", "--threads 1,0"]
        {
            assert!(plan(flags).is_err(), "{flags}");
        }
        let many: Vec<_> = (1..=300).map(|n| n.to_string()).collect();
        assert!(plan(&format!("--depth {}", many.join(","))).is_err());
    }
}
