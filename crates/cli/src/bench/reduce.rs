//! From samples to the cells of a report.

use cutwater::ReadPath;
use cutwater_meter::Latencies;

use super::group::{Group, PathSamples};
use super::pass::Sample;
use super::report::{self, Cell, RunFacts};
use super::shape::Shape;
use super::stats;

/// The cells of a group; paths without a whole run are left out.
pub(super) fn cells(group: &Group) -> Vec<Cell> {
    let wrong = group.mismatches();
    let mut cells: Vec<Cell> = group
        .paths
        .iter()
        .filter(|(_, samples)| !samples.runs.is_empty())
        .map(|(path, samples)| cell(*path, group.shape, samples, !wrong.contains(path)))
        .collect();
    let best = report::best(&cells).map(|c| c.bytes_per_s);
    for cell in &mut cells {
        cell.of_best = best.map(|best| cell.bytes_per_s / best.max(1e-9));
    }
    cells
}

fn cell(path: ReadPath, shape: Shape, samples: &PathSamples, hash_ok: bool) -> Cell {
    let all: Vec<&Sample> = samples.runs.iter().map(|r| &r.sample).collect();
    let of = |f: &dyn Fn(&Sample) -> f64| stats::median(all.iter().map(|s| f(s)));
    // The kernel tells user from system time by samples, of which there are few in one run.
    let mean = |f: &dyn Fn(&Sample) -> f64| {
        all.iter().map(|s| f(s)).sum::<f64>() / all.len().max(1) as f64
    };
    let rates: Vec<f64> = all.iter().map(|s| s.bytes as f64 / s.seconds).collect();
    let latencies = latencies(shape, samples);
    let (syscalls, syscalls_by) = syscalls(samples, of(&|s| s.counts.syscalls as f64));
    let enters = of(&|s| s.counts.enters as f64);
    let Shape { cache, pattern, block, depth, threads } = shape;
    Cell {
        path: path.name(),
        pattern,
        cache,
        block,
        depth,
        threads,
        reads: all.first().map_or(0, |s| s.reads),
        bytes: all.first().map_or(0, |s| s.bytes),
        bytes_per_s: stats::median(rates.iter().copied()),
        ops_per_s: of(&|s| s.reads as f64 / s.seconds),
        spread: stats::spread(&rates),
        latency_of: if depth == 1 { "read" } else { "batch" },
        p50_ns: latencies.quantile(0.5),
        p99_ns: latencies.quantile(0.99),
        p999_ns: latencies.quantile(0.999),
        user_cpu: mean(&|s| s.usage.user_ns as f64 / 1e9),
        system_cpu: mean(&|s| s.usage.system_ns as f64 / 1e9),
        minor_faults: of(&|s| s.usage.minor_faults as f64),
        major_faults: of(&|s| s.usage.major_faults as f64),
        voluntary_switches: of(&|s| s.usage.voluntary_switches as f64),
        involuntary_switches: of(&|s| s.usage.involuntary_switches as f64),
        syscalls,
        syscalls_by,
        sqes_per_enter: (enters > 0.0).then(|| of(&|s| s.counts.sqes as f64) / enters),
        punts: all.iter().all(|s| s.punts.is_some()).then(|| of(&|s| s.punts.unwrap_or(0) as f64)),
        peak_rss: all.iter().map(|s| s.peak_rss).max().unwrap_or(0),
        file_rss: all.iter().map(|s| s.file_rss).max().unwrap_or(0),
        resident_before: stats::median(samples.runs.iter().map(|r| r.resident)),
        hash: all.first().map(|s| s.checksum.to_string()).unwrap_or_default(),
        hash_ok,
        chosen: chosen(path, &all),
        reason: (path == ReadPath::Auto).then(|| all.last()?.reason.clone()).flatten(),
        of_best: None,
        runs: samples.runs.iter().zip(rates).map(|(r, rate)| run_facts(r, rate)).collect(),
    }
}

fn run_facts(run: &super::group::Run, bytes_per_s: f64) -> RunFacts {
    RunFacts { seconds: run.sample.seconds, bytes_per_s, resident_before: run.resident }
}

/// Of all runs at depth 1; else of the pass that was made for it.
fn latencies(shape: Shape, samples: &PathSamples) -> Latencies {
    let mut all = Latencies::new();
    if shape.depth == 1 {
        samples.runs.iter().for_each(|r| all.merge(&r.sample.latencies));
    } else if let Some(sample) = &samples.latency {
        all.merge(&sample.latencies);
    }
    all
}

/// System calls of one run: the tracepoint's count of the pass that was made for it, scaled
/// to a run's reads, or else the library's own count.
fn syscalls(samples: &PathSamples, by_counts: f64) -> (f64, &'static str) {
    let reads = samples.runs.first().map_or(0, |r| r.sample.reads) as f64;
    let traced = samples.counted.as_ref().and_then(|s| s.traced_syscalls.zip(Some(s.reads)));
    match traced {
        Some((calls, n)) if n > 0 => (calls as f64 * reads / n as f64, "tracepoint"),
        _ => (by_counts, "counts"),
    }
}

fn chosen(path: ReadPath, all: &[&Sample]) -> std::collections::BTreeMap<&'static str, f64> {
    let mut shares = std::collections::BTreeMap::new();
    if path != ReadPath::Auto {
        return shares;
    }
    for (path, ranges) in all.iter().flat_map(|s| &s.chosen) {
        *shares.entry(path.name()).or_insert(0.0) += *ranges as f64;
    }
    let total: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share /= total.max(1.0));
    shares.retain(|_, share| *share > 0.0);
    shares
}
