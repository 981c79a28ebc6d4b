//! fio's engines as contestants: the same file, block, depth, threads and cache state.

use std::path::Path;
use std::time::Duration;

use cutwater_lab::stats;

use super::fio::{self, Engine, FioJob, FioResult, Order, Until};
use super::ranges::{STRIDE_BLOCKS, ZIPF_EXPONENT};
use super::report::Peer;
use super::shape::{Cache, Pattern, Shape};
use cutwater_shell::Failure;

/// Longest time that one job may take, as a multiple of what it should.
const PATIENCE: u32 = 20;

/// A program that runs in turn with our paths.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Versus {
    /// fio's engines psync, pvsync2, mmap and io_uring, the last one also with O_DIRECT.
    Fio,
}

/// One engine of fio.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rival {
    engine: Engine,
    direct: bool,
}

/// What one rival did in the runs of a shape.
#[derive(Debug)]
pub(super) struct RivalRuns {
    pub(super) rival: Rival,
    pub(super) runs: Vec<FioResult>,
}

/// The contestants that were asked for.
pub(super) fn asked(versus: Option<Versus>) -> Result<Vec<Rival>, Failure> {
    let Some(Versus::Fio) = versus else { return Ok(Vec::new()) };
    if fio::available().is_none() {
        return Err(Failure::usage(
            "cannot run fio: likely cause: it is not installed; try: apt-get install fio",
        ));
    }
    let buffered = Engine::ALL.map(|engine| Rival { engine, direct: false });
    Ok(buffered.into_iter().chain([Rival { engine: Engine::IoUring, direct: true }]).collect())
}

impl Rival {
    pub(super) fn name(self) -> String {
        if self.direct { "fio-direct".into() } else { format!("fio-{}", self.engine.name()) }
    }

    /// Whether fio can say the shape.
    pub(super) fn can(shape: &Shape) -> bool {
        shape.pattern != Pattern::Jump
    }

    /// One run of about `time`.
    pub(super) fn run(
        self,
        file: &Path,
        shape: &Shape,
        reads: u64,
        time: Duration,
        seed: u64,
    ) -> Result<FioResult, Failure> {
        let job = FioJob {
            engine: self.engine,
            direct: self.direct,
            file: file.to_path_buf(),
            block: shape.block,
            depth: shape.depth,
            threads: shape.threads,
            order: match shape.pattern {
                Pattern::Seq | Pattern::Jump => Order::Seq,
                Pattern::Rand => Order::Rand,
                Pattern::Stride => Order::Stride((STRIDE_BLOCKS - 1) * shape.block),
                Pattern::Zipf => Order::Zipf(ZIPF_EXPONENT),
            },
            // A job ends at the end of the file unless it goes by time, and warm lists go on.
            until: match shape.cache {
                Cache::Warm => Until::Time(time),
                Cache::Mixed | Cache::Cold => Until::Reads(reads, time * PATIENCE),
            },
            cold: shape.cache == Cache::Cold,
            seed,
        };
        fio::run(&job).map_err(|e| Failure::new(format!("{} on {shape}", self.name())).because(e))
    }
}

/// The runs of a rival as a line of the report; `None` without any.
pub(super) fn peer(shape: Shape, of: &RivalRuns) -> Option<Peer> {
    let median = |f: fn(&FioResult) -> f64| {
        stats::median(&of.runs.iter().map(f).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    let latency = |f: fn(&FioResult) -> f64| Some(median(f) as u64);
    let rates: Vec<f64> = of.runs.iter().map(|r| r.bytes_per_s).collect();
    // fio gives CPU time as a share of the run, averaged over its threads.
    let cpu = |share: f64| {
        let seconds = median(|r| r.reads as f64 / r.ops_per_s.max(1e-9));
        share * seconds * f64::from(shape.threads)
    };
    let Shape { cache, pattern, block, depth, threads } = shape;
    (!of.runs.is_empty()).then(|| Peer {
        name: of.rival.name(),
        pattern,
        cache,
        block,
        depth,
        threads,
        reads: median(|r| r.reads as f64) as u64,
        bytes_per_s: median(|r| r.bytes_per_s),
        ops_per_s: median(|r| r.ops_per_s),
        spread: stats::spread(&rates).unwrap_or(0.0),
        p50_ns: latency(|r| r.p50_ns as f64),
        p99_ns: latency(|r| r.p99_ns as f64),
        p999_ns: latency(|r| r.p999_ns as f64),
        user_cpu: cpu(median(|r| r.user_cpu)),
        system_cpu: cpu(median(|r| r.system_cpu)),
    })
}
